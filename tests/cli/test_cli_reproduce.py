"""``kineme repeat`` and ``kineme reproduce``: several seeds of one recipe, and whole tables."""

import json
from pathlib import Path

import pytest

from command_line import TINY, kineme, refuse, succeed
from fake import small_store
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig, recipe_config
from kineme.reproduce import tables
from kineme.reproduce.experiments import Experiment
from kineme.reproduce.tables import Row, Table
from small import small_run


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    small_store(num_clips=36).save(folder / "nucla.store")
    return folder


def test_repeat(stores: Path, tmp_path: Path) -> None:
    words = ["repeat", "mae-nucla", "--store", stores / "nucla.store", "--out", tmp_path, "--seeds", 2, "--workers", 1]
    text = succeed(*words, *TINY)
    results = [Result.load(tmp_path / f"mae-nucla-seed{seed}" / "results" / "linear.json") for seed in range(2)]
    assert [result.train_seed for result in results] == [0, 1]
    mean = sum(result.metrics.last.accuracy for result in results) / 2
    rows = json.loads((tmp_path / "mae-nucla.json").read_text())
    assert [row["protocol"] for row in rows] == ["linear", "knn"]
    assert rows[0]["accuracy"] == pytest.approx(mean)
    assert f" {100 * mean:.1f} ± " in text
    assert "kineme repeat mae-nucla" in (tmp_path / "mae-nucla.md").read_text()
    assert succeed(*words, *TINY) == text


def test_repeat_from_another_seed(stores: Path, tmp_path: Path) -> None:
    more = ("--seeds", 1, "--train.seed", 5, "--protocols", "knn", "--workers", 1)
    succeed("repeat", "mae-nucla", "--store", stores / "nucla.store", "--out", tmp_path, *more, *TINY)
    assert (tmp_path / "mae-nucla-seed5" / "results" / "knn.json").exists()


def test_what_cannot_be_repeated(stores: Path, tmp_path: Path) -> None:
    assert "the recipe comes before" in refuse("repeat", "--store", stores / "nucla.store", "mae-nucla")
    assert "--store STORE" in refuse("repeat", "mae-nucla")
    assert "--split NAME" in refuse("repeat", "mae-compact", "--store", stores / "nucla.store")
    assert "no.store" in refuse("repeat", "mae-nucla", "--store", tmp_path / "no.store")
    assert "--seeds 0" in refuse("repeat", "mae-nucla", "--store", stores / "nucla.store", "--seeds", 0)
    assert json.loads(succeed("repeat", "mae-nucla", "--dry-run"))["recipe"] == "mae-nucla"


@pytest.fixture
def tiny_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of tiny experiments in place of the real ones."""

    def tiny(name: str, folder: Path) -> Table:
        config = small_run(recipe_config("mae-nucla")).with_changes(split="nucla-xview", probe={"epochs": 2})
        experiment = Experiment("mae-nucla", RunConfig.parse(config.model_dump()), folder / "nucla.store")
        return Table(name, "a tiny table", (Row("mae-nucla", "nucla", "one view", (experiment,), ("linear", "knn")),))

    monkeypatch.setattr(tables, "get_table", tiny)


@pytest.mark.usefixtures("tiny_tables")
def test_reproduce(stores: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    words = ["reproduce", "tiny", "--stores", stores, "--out", tmp_path / "runs", "--seeds", 2]
    assert "nothing is measured of table tiny yet" in kineme(*words, "--show").err
    text = succeed(*words, "--workers", 1, "--accelerator", "cpu", "--page", page)
    assert page.read_text() == (tmp_path / "runs" / "tiny.md").read_text()
    assert "A tiny table" in page.read_text()
    assert [row["seeds"] for row in json.loads((tmp_path / "runs" / "tiny.json").read_text())] == [2, 2]
    shown = succeed(*words, "--show", "--page", page)
    assert shown == text
    assert " knn " not in succeed(*words, "--show", "--protocols", "linear")


@pytest.mark.usefixtures("tiny_tables")
def test_a_failure_is_told_and_the_rest_is_shown(stores: Path, tmp_path: Path) -> None:
    words = ["reproduce", "tiny", "--stores", stores, "--out", tmp_path, "--seeds", 2, "--workers", 1]
    (tmp_path / "mae-nucla-seed0").mkdir()
    (tmp_path / "mae-nucla-seed0" / "run.json").write_text("{")
    answer = kineme(*words, "--accelerator", "cpu")
    assert answer.status == 1
    assert "mae-nucla-seed0: linear: " in answer.err
    assert [row["seeds"] for row in json.loads((tmp_path / "tiny.json").read_text())] == [1, 1]


def test_what_cannot_be_reproduced(tmp_path: Path) -> None:
    missing = refuse("reproduce", "small", "--stores", tmp_path)
    assert f"kineme data prepare utd_mhad RAW_FOLDER --out {tmp_path / 'utd_mhad.store'}" in missing
    assert "mamp" in refuse("reproduce", "mampp", "--stores", tmp_path)
    assert "mmap-*" in refuse("reproduce", "small", "--stores", tmp_path, "--recipes", "mmap-*")
