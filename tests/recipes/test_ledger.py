"""The ledger of published numbers: consistent in itself and with every recipe."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kineme.datasets import datasets
from kineme.errors import ConfigError, UnknownNameError
from kineme.methods import methods
from kineme.recipes.base import Published, RunConfig, recipe_config, recipes
from kineme.recipes.ledger import Entry, disagreements, find, in_order, published_entries, read_ledger
from kineme.splits import SPLITS

LEDGER = """
[sources]
A = "page of A"
B = "table of B"

[foreign]
Other = "2020"

[selection]
best_test = ["mamp"]

[[results]]
protocol = "linear"
stream = "joint"
sources = ["A"]
certainty = "read"
top1.mamp = { ntu60-xsub = 84.9, ntu60-xview = 89.1 }

[[results]]
protocol = "linear"
stream = "joint"
sources = ["A", "B"]
certainty = "quoted"
top1.mamp = { ntu60-xsub = 85.0, ntu60-xview = 89.12 }
top1.Other = { ntu60-xsub = 70 }
"""


def ledger(folder: Path, text: str = LEDGER) -> tuple[Entry, ...]:
    path = folder / "ledger.toml"
    path.write_text(text, encoding="utf-8")
    return read_ledger(path)


def refusal(folder: Path, old: str, new: str) -> str:
    assert old in LEDGER
    with pytest.raises(ConfigError) as error:
        ledger(folder, LEDGER.replace(old, new, 1))
    return str(error.value)


def numbers_of_recipes() -> Iterator[tuple[str, RunConfig, Published]]:
    for name in recipes.names():
        config = recipe_config(name)
        yield from ((name, config, number) for number in config.published)


def names_in(recipe: str) -> tuple[str, str]:
    """Method and, of a transfer, dataset of the pretraining: ``mamp-ntu60-xsub-to-pku2-xsub`` tells both."""
    source, to, _ = recipe.partition("-to-")
    method, dataset, *_ = source.split("-")
    return method, dataset if to else ""


def test_every_published_number_of_a_recipe_is_in_the_ledger() -> None:
    """Numbers of one stream are of the joints, whatever the stream that the released configuration trains."""
    known = {(e.method, e.split, e.protocol, e.stream, e.pretrained, e.value) for e in published_entries()}
    wanted = {}
    for name, config, number in numbers_of_recipes():
        method, pretrained = names_in(name)
        stream = "3s" if number.protocol.startswith(("fusion-", "fused ")) else "joint"
        wanted[(method, config.split, number.protocol, stream, pretrained, number.value)] = name
    assert wanted
    assert {name: what for what, name in wanted.items() if what not in known} == {}


@pytest.mark.parametrize("split", sorted({entry.split for entry in published_entries()}))
def test_values_are_above_chance(split: str) -> None:
    entries = find(split=split)
    assert split in SPLITS
    chance = 100 / len(datasets.get(entries[0].dataset)().classes)
    assert all(chance < entry.value < 100 for entry in entries)


def test_methods_are_ours_or_foreign() -> None:
    for entry in published_entries():
        assert (entry.method in methods.names()) == (not entry.foreign), entry


def test_pretraining_datasets_exist() -> None:
    others = {entry.pretrained for entry in published_entries()} - {""}
    assert others
    assert others <= set(datasets.names())


def test_streams_are_fused_where_there_are_several() -> None:
    for entry in published_entries():
        several = entry.stream in ("2s", "3s", "4s")
        assert several == entry.protocol.startswith(("fusion-", "fused ")), entry


def test_find() -> None:
    assert [entry.value for entry in find(method="mamp", split="ntu60-xsub", protocol="linear")] == [85.0, 84.9]
    assert {entry.method for entry in find(method="skeletonmae (wu)")} == {"SkeletonMAE (Wu)"}
    assert find() == published_entries()
    with pytest.raises(UnknownNameError, match="unknown method among published numbers 'mampp'; perhaps"):
        find(method="mampp")
    with pytest.raises(UnknownNameError, match="unknown split among published numbers 'ntu60-xsup'; perhaps"):
        find(split="ntu60-xsup")


def test_reading(tmp_path: Path) -> None:
    first, *_, other = ledger(tmp_path)
    assert (first.dataset, first.selection, first.source, first.foreign) == ("ntu60", "best_test", "page of A", "")
    assert (other.selection, other.source, other.foreign) == ("unknown", "page of A; table of B", "2020")
    assert str(first) == "mamp, linear of joint on ntu60-xsub"


def test_order(tmp_path: Path) -> None:
    entries = in_order(reversed(ledger(tmp_path)))
    assert [entry.value for entry in entries] == [85.0, 84.9, 70, 89.12, 89.1]


def test_rounding_is_no_disagreement(tmp_path: Path) -> None:
    (values,) = disagreements(ledger(tmp_path))
    assert [entry.value for entry in values] == [84.9, 85.0]


def test_errors_name_the_entry(tmp_path: Path) -> None:
    entry = "mamp, linear of joint on "
    twice = refusal(tmp_path, '["A", "B"]', '["A"]')
    assert f"{entry}ntu60-xsub: 84.9 and 85.0 in one source (page of A)" in twice
    assert f"{entry}ntu60-xsub:\n  value: Input should be less than 100" in refusal(tmp_path, "84.9", "849")
    assert f"{entry}ntu60-xsup: unknown split" in refusal(tmp_path, "ntu60-xsub", "ntu60-xsup")
    assert "unknown source 'C'" in refusal(tmp_path, '"B"]', '"C"]')
    assert "results.0.certainty: Input should be" in refusal(tmp_path, '"read"', '"sure"')
    assert "results.0.stream: Input should be" in refusal(tmp_path, '"joint"', '"joints"')
    assert "cannot be read as TOML" in refusal(tmp_path, "[sources]", "[sources")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_ledger(tmp_path / "nothing.toml")
