"""A table of what is known about recordings, beside their files: a CSV file with a header and one row for each.

    id,label,subject,camera,split
    monday-1,wave,anna,1,train

``id`` names a recording (its file, with or without folders and ending) or one clip of it. Where several recordings
have one name, it is their path below the imported folder that tells them apart. All other columns are optional:
``label``, ``subject``, ``camera``, ``setup``, ``replication`` and ``split`` (train or test; the split is then
called ``own``). Empty cells mean unknown. Labels are names; the classes are the different ones in order. Subjects
and the like are numbers, or names, which are then numbered from 1 in order.
"""

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from kineme.clips import Clip
from kineme.errors import SourceError
from kineme.store import META_FIELDS, ListedSplits

_COLUMNS = ("id", "label", *META_FIELDS, "split")


@dataclass(frozen=True)
class LabelTable:
    """Facts about recordings by id; an empty table knows nothing.

    Args:
        classes: class names.
        facts: id to the fields of a clip that are known.
        splits: the split called ``own``, where there is a column ``split``.
        checksum: of the file, to tell whether it has changed.
    """

    classes: tuple[str, ...] = ()
    facts: dict[str, dict[str, int]] = field(default_factory=dict)
    splits: ListedSplits = field(default_factory=dict)
    checksum: str = field(default="", compare=False)

    @staticmethod
    def read(path: Path) -> "LabelTable":
        """Table in a CSV file.

        Raises:
            SourceError: not such a file; names the line.
        """
        text = _text(path)
        rows = _rows(path, text)
        classes = _in_order({row["label"] for row in rows if row.get("label")})
        values: dict[str, dict[str, int]] = {"label": {name: k for k, name in enumerate(classes)}}
        for name in META_FIELDS:
            values[name] = _numbers([row[name] for row in rows if row.get(name)])
        facts = {row["id"]: {name: values[name][row[name]] for name in values if row.get(name)} for row in rows}
        return LabelTable(tuple(classes), facts, _splits(rows), f"{zlib.crc32(text.encode()):08x}")

    @cached_property
    def short(self) -> dict[str, str]:
        """Ids of the table without folders, where only one has the name, to ids with them."""
        return _short(self.facts)

    def complete(self, clip: Clip, recording: str) -> Clip:
        """The clip with what is known of it, or else of its recording; labels are either all the table's or none."""
        ids = (clip.id, recording, self.short.get(clip.id, ""), self.short.get(recording, ""))
        known = next((self.facts[id] for id in ids if id in self.facts), {})
        label = {"label": None} if self.classes else {}
        return replace(clip, **{**label, **known})

    def unused(self, ids: Sequence[str]) -> list[str]:
        """Ids of the table that are neither these nor the recordings from which these were cut."""
        there = {*ids, *(id.rpartition(".")[0] for id in ids)}
        there |= {full for name, full in self.short.items() if name in there}
        return [id for id in self.facts if id not in there]


def _short(ids: Iterable[str]) -> dict[str, str]:
    names = Counter(PurePosixPath(id).name for id in ids)
    return {name: id for id in ids if names[name := PurePosixPath(id).name] == 1}


def _splits(rows: Sequence[dict[str, str]]) -> ListedSplits:
    """Ids on both sides, also without folders where that is enough to know them."""
    ids = [row["id"] for row in rows]
    names = {full: name for name, full in _short(ids).items()}
    sides = [
        [id for row in rows if row.get("split") == side for id in dict.fromkeys((row["id"], names.get(row["id"], "")))]
        for side in ("train", "test")
    ]
    train, test = ([id for id in side if id] for side in sides)
    return {"own": (train, test)} if train or test else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(path, f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise SourceError(path, f"not text in UTF-8 ({error})", fix="save it as CSV in UTF-8") from error


def _rows(path: Path, text: str) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    header = [name.strip() for name in reader.fieldnames or ()]
    if "id" not in header or not set(header) <= set(_COLUMNS) or len(set(header)) < len(header):
        found = ", ".join(header) or "nothing"
        problem = f"expected the columns id and any of {', '.join(_COLUMNS[1:])}, found {found:.60}"
        raise SourceError(path, problem, line=1, fix="part columns by commas, and rename or remove the others")
    reader.fieldnames = header
    rows: dict[str, dict[str, str]] = {}
    try:
        for row in reader:
            _add(rows, row, path, reader.line_num)
    except csv.Error as error:
        raise SourceError(path, f"not CSV ({error})", line=reader.line_num) from error
    return list(rows.values())


def _add(rows: dict[str, dict[str, str]], row: dict[str | None, str | None], path: Path, line: int) -> None:
    if None in row or None in row.values():
        raise SourceError(path, "another number of cells than the header", line=line, fix="quote cells with commas")
    cells = {str(name): str(cell).strip() for name, cell in row.items()}
    id = _recording(cells["id"])
    if not id or id in rows:
        raise SourceError(path, f"id {id!r} occurs twice" if id else "no id", line=line)
    if cells.get("split", "") not in ("", "train", "test"):
        raise SourceError(path, f"expected the split train or test, found {cells['split']!r}", line=line)
    rows[id] = {**cells, "id": id}


def _recording(id: str) -> str:
    """Name of a recording without a usual ending."""
    name = PurePosixPath(id.replace("\\", "/"))
    usual = {".bvh", ".amc", ".json", ".csv", ".npz", ".npy", ".txt", ".pkl", ".skeleton"}
    plain = name.with_suffix("") if name.suffix.lower() in usual else name
    return plain.as_posix().removesuffix(".skeleton") if id else ""


def _in_order(values: set[str]) -> list[str]:
    """Names in alphabetical order; numbers by size."""
    return sorted(values, key=int) if all(_is_number(value) for value in values) else sorted(values)


def _numbers(values: list[str]) -> dict[str, int]:
    """Each value as a number: itself, or where any is a name, its place in order from 1."""
    if all(_is_number(value) for value in values):
        return {value: int(value) for value in values}
    return {value: number for number, value in enumerate(_in_order(set(values)), start=1)}


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 10
