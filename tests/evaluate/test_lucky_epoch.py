"""A planted epoch that is right about every test clip: it moves the papers' rule and nothing that is a result."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from command_line import kineme
from fake import small_store, tiny_config
from kineme.evaluate.compare import compare
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune
from kineme.evaluate.folds import evaluate_folds
from kineme.evaluate.predictions import ClipPredictions, find_predictions
from kineme.evaluate.protocols import Candidates, Task
from kineme.evaluate.protocols.linear import LinearProbe
from kineme.evaluate.report import collect, table
from kineme.evaluate.result import Result, Scores
from kineme.recipes.base import fine_tuning
from kineme.splits import get_split
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"
LUCKY = 1
"""The second epoch, neither the first nor the last."""
CPU = Training(accelerator="cpu")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    tuning = {
        "method": {"hidden": 16},
        "train": {"epochs": 3, "batch_size": 8, "lr": 1e-4, "warmup_epochs": 0, "log_steps": 1},
    }
    config = tiny_config(split=SPLIT, finetune=tuning, probe={"epochs": 4, "lr": 1e-3})
    return fit(config, STORE, tmp_path_factory.mktemp("runs") / "run", accelerator="cpu")


@pytest.fixture
def lucky_probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A linear probe that is told the truth about test clips in one of its epochs.

    It knows the test clips by their number: no other queries are as many.
    """
    honest = LinearProbe.candidates
    sides = [get_split(STORE, split)[1] for split in (SPLIT, "nucla-xview1", "nucla-xview2")]

    def candidates(self: LinearProbe, task: Task) -> Candidates:
        found = honest(self, task)
        for test in sides:
            if len(task.queries) == len(test):
                found.predictions[LUCKY] = truth(test)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(LinearProbe, "candidates", candidates)
        yield


def truth(clips: np.ndarray) -> Tensor:
    return torch.from_numpy(STORE.labels[clips].astype(np.int64))


def only_best_test_moved(lucky: Scores, honest: Scores) -> None:
    assert honest.best_test.accuracy < 1, "there is something to gain"
    assert (lucky.best_test.accuracy, lucky.best_test.candidate) == (1.0, f"epoch {LUCKY + 1}")
    assert lucky.with_changes(best_test=honest.best_test) == honest


def test_probe(pretrained: RunDir, request: pytest.FixtureRequest) -> None:
    honest = evaluate(pretrained, STORE, "linear", controls=False)
    before = ClipPredictions.load(find_predictions(pretrained.path, "linear"))
    request.getfixturevalue("lucky_probe")
    lucky = evaluate(pretrained, STORE, "linear", controls=False)
    assert honest.metrics.best_val is not None
    only_best_test_moved(lucky.metrics, honest.metrics)
    assert lucky.with_changes(metrics=honest.metrics) == honest
    after = ClipPredictions.load(find_predictions(pretrained.path, "linear"))
    assert compare(before, after).difference == 0
    assert np.array_equal(after.predictions, before.predictions)


@pytest.mark.parametrize("best_val", [False, True])
def test_fine_tuning(pretrained: RunDir, tmp_path: Path, best_val: bool) -> None:
    """The epoch's predictions are replaced in the file from which a finished training is read."""
    config = fine_tuning(pretrained.config, str(pretrained.path))
    honest = finetune(config, STORE, tmp_path, best_val=best_val, controls=False, training=CPU)
    before = ClipPredictions.load(find_predictions(tmp_path, "finetune"))
    file = tmp_path / "seed-0" / "predictions.npy"
    kept = np.load(file)
    kept[LUCKY] = truth(get_split(STORE, SPLIT)[1]).numpy()
    np.save(file, kept)
    again = Training(resume=True, accelerator="cpu")
    lucky = finetune(config, STORE, tmp_path, best_val=best_val, controls=False, training=again)
    assert (honest.metrics.best_val is not None) == best_val
    only_best_test_moved(lucky.metrics, honest.metrics)
    after = ClipPredictions.load(find_predictions(tmp_path, "finetune"))
    assert np.array_equal(after.predictions, before.predictions)


@pytest.mark.usefixtures("lucky_probe")
def test_what_is_shown_as_the_result(pretrained: RunDir) -> None:
    """Every place that shows a lucky accuracy names the papers' rule beside it."""
    store = STORE.save(pretrained.path.parent / "store").path
    shown = kineme("eval", "linear", pretrained.path, "--store", store, "--no-controls")
    assert shown.status == 0, shown.err
    perfect = [line for line in shown.out.splitlines() if re.search(r"\b100\.0\b", line)]
    assert perfect
    assert all("best_test" in line for line in perfect)
    result = Result.load(pretrained.path / "results" / "linear.json")
    (row,) = (row for row in table(collect([pretrained.path])) if row.protocol == result.protocol)
    assert row.last.startswith(f"{100 * result.metrics.last.accuracy:.1f} ")
    assert row.best_test.startswith("100.0 ")
    assert not row.last.startswith("100.0")
    assert not row.best_val.startswith("100.0")


@pytest.mark.usefixtures("lucky_probe")
def test_folds(pretrained: RunDir, tmp_path: Path) -> None:
    folds = evaluate_folds(pretrained.config, STORE, "nucla", tmp_path, controls=False, accelerator="cpu")
    assert all(each.metrics.best_test.accuracy == 1 for each in folds.results)
    assert folds.mean == pytest.approx(np.mean([each.metrics.last.accuracy for each in folds.results]))
    assert folds.mean < 1
