"""``kineme folds`` and ``kineme eval classify``: supervised recipes from a store to accuracies."""

import json
from pathlib import Path

import pytest

from command_line import kineme, refuse, succeed
from kineme.evaluate.folds import Folds
from kineme.evaluate.result import Result
from kineme.splits import FAMILIES

FAST = (
    *("--accelerator", "cpu", "--train.epochs", 1, "--train.batch-size", 8, "--train.warmup-epochs", 0),
    *("--encoder.hidden-channels", 4, "--encoder.width", 8, "--method.hidden", 8, "--prepare.window", 16),
)
RECIPE = "supervised-stgcn-compact"


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    out = store.with_name("run")
    succeed("pretrain", RECIPE, "--store", store, "--out", out, "--split", "nucla-xview", *FAST)
    return out


def test_a_trained_classifier(run: Path, store: Path) -> None:
    text = succeed("eval", "classify", run, "--store", store)
    result = Result.load(run / "results" / "classify.json")
    assert "classify@1" in text
    assert "24 training, 12 test clips" in text
    for row in ("trained, last", "coordinate 1-NN"):
        assert f" {row} " in text
    assert f"mean loss {result.metrics.extra['mean loss']:.3f}" in text
    assert "untrained" not in text
    assert "classify@1" in succeed("report", run, "--out", store.with_name("report"))


def test_what_cannot_be_classified(run: Path, store: Path, tmp_path: Path) -> None:
    assert "take frame rates" in refuse("eval", "classify", run, "--store", store, "--window-seconds", 6)
    assert "window_seconds" in refuse("eval", "classify", run, "--store", store, "--window-seconds", 0)
    assert "of the 18 test clips" in refuse("eval", "classify", run, "--store", store, "--split", "odd-even-subjects")
    assert "no run here" in refuse("eval", "classify", tmp_path, "--store", store)


def test_folds(store: Path, tmp_path: Path) -> None:
    words = ["folds", RECIPE, "--store", store, "--family", "nucla", "--out", tmp_path / "folds", *FAST]
    text = succeed(*words)
    folds = Folds.load(tmp_path / "folds" / "folds.json")
    assert f"classify@1, mean of 3 splits: {100 * folds.mean:.1f} %" in text
    for each in folds.results:
        assert f" {each.split} " in text
    for words_of_matrix in ("trained on views", "test 1", "test 3", " 1, 2 "):
        assert words_of_matrix in text
    assert "holds a run already" in refuse(*words)
    assert "mean of 3 splits" in succeed(*words, "--resume", "--protocol", "knn", "--no-controls")


def test_settings_and_refusals(store: Path) -> None:
    config = json.loads(succeed("folds", RECIPE, "--train.epochs", 3, "--dry-run"))
    assert (config["train"]["epochs"], config["method"]["name"]) == (3, "supervised")
    assert "--store STORE and --family FAMILY" in refuse("folds", RECIPE, "--store", store)
    assert "comes before its settings" in refuse("folds", "--store", store, RECIPE)
    assert "unknown family of splits" in refuse("folds", RECIPE, "--store", store, "--family", "sub")
    assert "no classes" in refuse("folds", "mae-compact", "--store", store, "--family", "sbu", "--protocol", "classify")
    assert kineme("folds", RECIPE, "--protocol", "nothing").status == 2


def test_help_lists_the_families() -> None:
    text = succeed("folds", RECIPE, "--help")
    assert all(family in text for family in FAMILIES)
