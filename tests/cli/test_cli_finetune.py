"""``kineme finetune``: from a run to a classifier and its accuracy, with settings by name and refusals that help."""

import json
from pathlib import Path

import pytest

from command_line import TINY, kineme, refuse, succeed

FAST = (
    *("--accelerator", "cpu", "--train.epochs", 2, "--train.batch-size", 8, "--train.warmup-epochs", 0),
    *("--method.hidden", 8),
)


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    out = store.with_name("run")
    succeed("pretrain", "mae-compact", "--store", store, "--out", out, *TINY)
    return out


def test_fine_tuning_of_a_run(run: Path, store: Path) -> None:
    text = succeed("finetune", run, "--store", store, *FAST)
    assert "finetune@1" in text
    assert "24 training, 12 test clips" in text
    assert "fine-tuned, last" in text
    assert "from scratch, last" in text
    assert "coordinate 1-NN" in text
    assert (run / "finetune" / "results" / "finetune.json").exists()
    assert "holds a run already" in refuse("finetune", run, "--store", store, *FAST)
    assert "finetune@1" in succeed("finetune", run, "--store", store, *FAST, "--resume")
    assert "finetune@1" in succeed("report", run)


def test_a_share_of_the_labels(run: Path, store: Path) -> None:
    text = succeed("finetune", run, "--store", store, *FAST, "--subset.fraction", 0.5, "--repeats", 2, "--no-controls")
    assert "semi50@1" in text
    assert "12 training" in text
    assert "deviation over repeats" in text
    assert {path.name for path in (run / "semi50").iterdir()} == {"seed-0", "seed-1", "results", "predictions"}


def test_another_split_has_another_folder(run: Path, store: Path) -> None:
    succeed("finetune", run, "--store", store, *FAST, "--split", "odd-even-subjects", "--no-controls")
    assert (run / "finetune-odd-even-subjects" / "seed-0" / "run.json").exists()


def test_supervised_recipes_and_others() -> None:
    config = json.loads(succeed("finetune", "mamp-ntu60-xsub-to-pku2-xsub", "--dry-run"))
    assert config["start"] == {"weights": "runs/mamp-ntu60-xsub", "scope": "encoder"}
    assert config["prepare"]["centre"] is False
    assert "first: kineme pretrain mamp-ntu60-xsub" in refuse("finetune", "mamp-ntu60-xsub", "--dry-run")


def test_a_recipe_whose_start_is_missing(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refuse("finetune", "mamp-ntu60-xsub-to-pku2-xsub", "--store", store, "--split", "nucla-xview", *FAST)
    assert "kineme pretrain mamp-ntu60-xsub" in message


def test_refusals(run: Path, store: Path, tmp_path: Path) -> None:
    assert "no run here" in refuse("finetune", tmp_path / "nowhere", "--store", store)
    assert "--store STORE" in refuse("finetune", run)
    assert "--repeats 0" in refuse("finetune", run, "--store", store, "--repeats", 0)
    assert "comes before its settings" in refuse("finetune", "--store", store, run)
    assert kineme("finetune", run, "--store", store, "--subset.fraction", 2).status == 2


def test_help() -> None:
    text = succeed("finetune", "--help")
    assert "--subset.fraction 0.1 --repeats 5" in text
