"""The ledger of published accuracies: what papers report, where it stands, and how sure we are of the copy.

The facts lie in ``published.toml`` beside this module, which says how they are written.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from kineme.config import Config
from kineme.errors import ConfigError, UnknownNameError
from kineme.splits import SPLITS

BUILT_IN = Path(__file__).with_name("published.toml")
ROUNDING = 0.051
"""Percent by which two copies of one number may differ: papers print one decimal."""

Certainty = Literal["read", "quoted", "notes"]
Selection = Literal["best_test", "last", "unknown"]
Stream = Literal["joint", "motion", "bone", "2s", "3s", "4s", "multi"]


class Entry(Config):
    """One published accuracy."""

    method: str
    """Name in our registry, or of a foreign method as papers write it."""
    foreign: str = ""
    """Where a method that kineme does not have was published; "" for ours."""
    split: str
    stream: Stream
    protocol: str
    pretrained: str = ""
    """Dataset of the pretraining where it is another than the split's; "" where it is the same."""
    note: str = ""
    """What else tells this number apart."""
    value: float = Field(gt=0, lt=100)
    """Top-1 accuracy, percent."""
    source: str
    certainty: Certainty
    selection: Selection
    """Epoch that the number is of: the last, or the best on the test clips, where code or log tell."""

    @property
    def dataset(self) -> str:
        """Name of the dataset that the split divides."""
        return self.split.partition("-")[0]

    @property
    def key(self) -> tuple[str, ...]:
        """What the number is of, whoever reports it."""
        return (self.method, self.split, self.protocol, self.stream, self.pretrained, self.note, self.selection)

    @property
    def remarks(self) -> str:
        """Note and other dataset, for tables."""
        return ", ".join(filter(None, (self.pretrained and f"pretrained on {self.pretrained}", self.note)))

    def __str__(self) -> str:
        number = f"{self.method}, {self.protocol} of {self.stream} on {self.split}"
        return f"{number} ({self.remarks})" if self.remarks else number


class _Group(Config):
    """Accuracies of one protocol, stream and source, as the file has them."""

    protocol: str
    stream: Stream
    sources: tuple[str, ...]
    certainty: Certainty
    selection: Selection | None = None
    pretrained: str = ""
    note: str = ""
    top1: dict[str, dict[str, float]]


class _Rules(Config):
    best_test: tuple[str, ...]


class _File(Config):
    sources: dict[str, str]
    foreign: dict[str, str]
    selection: _Rules
    results: tuple[_Group, ...]


@cache
def published_entries() -> tuple[Entry, ...]:
    """Every entry of our ledger, in the order of the file."""
    return read_ledger(BUILT_IN)


def read_ledger(path: Path) -> tuple[Entry, ...]:
    """Entries of a ledger file.

    Raises:
        ConfigError: not TOML or not of this form; an unknown source or split, an accuracy outside 0 to 100, or two
            values of one number in one source. The message names the entry.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML ({error})") from error
    entries = tuple(_entries(_File.parse(data, where=str(path)), str(path)))
    _refuse_repeated(entries, str(path))
    return entries


def find(*, method: str = "", split: str = "", protocol: str = "") -> tuple[Entry, ...]:
    """Entries of a method, split and protocol; all of them where a name is left out.

    Args:
        method: our name of it, or that of a foreign method; capitals or not.
        split: one of `kineme.splits.SPLITS`.
        protocol: such as ``linear``, ``knn``, ``finetune``, ``semi1`` or ``fusion-linear``.

    Raises:
        UnknownNameError: a name that the ledger does not hold.
    """
    found = published_entries()
    for field, wanted in (("method", method), ("split", split), ("protocol", protocol)):
        if not wanted:
            continue
        known = {str(getattr(entry, field)).casefold(): getattr(entry, field) for entry in published_entries()}
        if wanted.casefold() not in known:
            raise UnknownNameError(f"{field} among published numbers", wanted, known.values())
        found = tuple(entry for entry in found if getattr(entry, field) == known[wanted.casefold()])
    return found


def rule_of(method: str, split: str, protocol: str, value: float) -> Selection:
    """Which epoch a published accuracy is of, as far as the ledger tells.

    Args:
        method: our name of it.
        split: one of `kineme.splits.SPLITS`.
        protocol: as results name it.
        value: the accuracy, percent.
    """
    found: set[Selection] = {
        entry.selection
        for entry in published_entries()
        if (entry.method, entry.split, entry.protocol) == (method, split, protocol)
        and abs(entry.value - value) <= ROUNDING
    }
    return found.pop() if len(found) == 1 else "unknown"


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Entries by split, in the order of `kineme.splits.SPLITS`, then protocol and stream, the best first."""
    splits = list(SPLITS)
    return sorted(entries, key=lambda entry: (splits.index(entry.split), entry.protocol, entry.stream, -entry.value))


def disagreements(entries: Iterable[Entry]) -> list[tuple[Entry, ...]]:
    """Entries of the same number of which sources tell values that differ by more than rounding."""
    by_key: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_key[entry.key].append(entry)
    return [tuple(same) for same in by_key.values() if _spread(same) > ROUNDING]


def _spread(entries: list[Entry]) -> float:
    values = [entry.value for entry in entries]
    return max(values) - min(values)


def _entries(file: _File, where: str) -> Iterator[Entry]:
    for group in file.results:
        source = "; ".join(_source(name, file.sources, where) for name in group.sources)
        for method, accuracies in group.top1.items():
            rule = "best_test" if method in file.selection.best_test else "unknown"
            shared = group.model_dump(exclude={"sources", "top1"}) | {
                "method": method,
                "foreign": file.foreign.get(method, ""),
                "source": source,
                "selection": group.selection or rule,
            }
            for split, value in accuracies.items():
                place = f"{where}: {method}, {group.protocol} of {group.stream} on {split}"
                if split not in SPLITS:
                    raise ConfigError(f"{place}: {UnknownNameError('split', split, SPLITS)}")
                yield Entry.parse({**shared, "split": split, "value": value}, where=place)


def _source(name: str, sources: Mapping[str, str], where: str) -> str:
    if name not in sources:
        raise ConfigError(f"{where}: {UnknownNameError('source', name, sources)}")
    return sources[name]


def _refuse_repeated(entries: Iterable[Entry], where: str) -> None:
    seen: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        other = seen.setdefault((*entry.key, entry.source), entry)
        if other is not entry:
            raise ConfigError(
                f"{where}: {entry}: {other.value} and {entry.value} in one source ({entry.source}); keep one of "
                f"them, or tell them apart by a note"
            )
