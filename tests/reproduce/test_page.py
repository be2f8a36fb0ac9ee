"""The page of a table: every figure on it comes from the results."""

import json
from pathlib import Path

import pytest

from fake import small_store, tiny_config
from kineme.recipes.base import Published
from kineme.reproduce.experiments import Experiment, Job
from kineme.reproduce.page import Line, as_json, lines, markdown
from kineme.reproduce.tables import Row, Table

TRAIN = {"epochs": 1, "batch_size": 8, "warmup_epochs": 0}
COMMAND = "kineme reproduce something"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def table(out: Path) -> Table:
    path = out / "nucla.store"
    small_store(num_clips=36).save(path)

    def experiment(name: str, split: str) -> Experiment:
        return Experiment(name, tiny_config(split=split, train=TRAIN), path)

    number = Published(protocol="linear", value=12.5, source="a paper")
    folds = tuple(experiment(f"mae-folds-{split}", split) for split in ("nucla-xview", "nucla-xview2"))
    rows = (
        Row("mae-nucla", "nucla", "one view", (experiment("mae-nucla", "nucla-xview"),), ("linear", "knn"), (number,)),
        Row("mae-folds", "folds", "two views", folds, ("linear",)),
    )
    return Table("something", "something measured", rows)


@pytest.fixture(scope="module")
def found(table: Table, out: Path) -> list[Line]:
    for row in table.rows:
        for experiment in row.experiments:
            for seed in range(2):
                for protocol in row.protocols:
                    Job(experiment, seed, out, "cpu").measure(protocol)
    return lines(table, range(2), out)


def test_lines(found: list[Line]) -> None:
    assert [(line.row.name, line.protocol, line.summary.seeds) for line in found] == [
        ("mae-nucla", "linear", 2),
        ("mae-nucla", "knn", 2),
        ("mae-folds", "linear", 2),
    ]
    first = found[0]
    assert first.difference == pytest.approx(100 * first.summary.accuracy - 12.5)
    assert all(line.minutes > 0 and line.teraflops for line in found)
    assert {line.precision for line in found} == {"32-true"}


def test_page(table: Table, found: list[Line]) -> None:
    page = markdown(table, found, COMMAND)
    assert page.startswith("# Something measured\n")
    assert COMMAND in page
    summary = found[0].summary
    accuracy = f"{100 * summary.accuracy:.1f} ± {100 * (summary.deviation or 0):.1f}"
    assert f"| mae | {accuracy} ({100 * (summary.untrained or 0):.1f}) | " in page
    assert f"| mae-nucla | linear | 2 | {accuracy} | {100 * summary.low:.1f} to {100 * summary.high:.1f} |" in page
    assert f"| 12.5 | {found[0].difference:+.1f} | not told | 1 |" in page
    assert "1. a paper" in page
    assert "* `nucla`: one view; 12 test clips\n* `folds`: two views; 24 test clips" in page
    tables = [part for part in page.split("\n\n") if part.startswith("|")]
    for part in tables:
        widths = {row.count("|") for row in part.splitlines()}
        assert len(widths) == 1


def test_nothing_published_has_no_such_section(table: Table, found: list[Line]) -> None:
    assert "Beside the papers" not in markdown(table, found[1:], COMMAND)


def test_a_seed_that_lacks_a_split_does_not_count(table: Table, found: list[Line], out: Path) -> None:
    job = Job(table.rows[1].experiments[1], 1, out)
    file = job.result_file("linear")
    content = file.read_bytes()
    file.unlink()
    assert lines(table, range(2), out)[2].summary.seeds == 1
    file.write_bytes(content)


def test_data(found: list[Line]) -> None:
    rows = json.loads(as_json(found))
    assert [row["accuracy"] for row in rows] == [line.summary.accuracy for line in found]
    assert rows[0]["published"] == [12.5]
