"""What was predicted for each clip: kept by every protocol, and the same as its result says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.errors import RunError
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune
from kineme.evaluate.fusion import evaluate_fusion
from kineme.evaluate.predictions import ClipPredictions, find_predictions
from kineme.evaluate.protocols import protocols
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig, fine_tuning
from kineme.splits import get_split
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"
TUNING = {"method": {"hidden": 8}, "train": {"epochs": 1, "batch_size": 8, "warmup_epochs": 0}}


def make_run(folder: Path, config: RunConfig) -> RunDir:
    run = RunDir.create(folder, config, STORE, len(STORE))
    run.save_weights(build_method(config, STORE.layout, STORE.channels).state_dict())
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return make_run(tmp_path / "run", tiny_config(split=SPLIT, finetune=TUNING))


def assert_agree(file: Path, result: Result) -> ClipPredictions:
    kept = ClipPredictions.load(file)
    assert (kept.split, kept.classes.tolist()) == (result.split, list(result.classes))
    assert kept.ids.tolist() == STORE.ids[get_split(STORE, result.split)[1]].tolist()
    assert kept.correct.mean() == pytest.approx(result.metrics.last.accuracy)
    confusion = np.zeros((len(kept.classes), len(kept.classes)), int)
    for predicted in kept.predictions:
        np.add.at(confusion, (kept.labels, predicted), 1)
    assert confusion.tolist() == [list(row) for row in result.metrics.confusion]
    return kept


@pytest.mark.parametrize("name", protocols.names())
def test_frozen_features(run: RunDir, name: str) -> None:
    result = evaluate(run, STORE, name, controls=False)
    kept = assert_agree(run.path / "predictions" / f"{name}.npz", result)
    assert (kept.scores is not None) == (name in ("linear", "common", "logreg", "knn"))
    if kept.scores is not None:
        np.testing.assert_array_equal(kept.scores.argmax(axis=1), kept.predictions[0])
    assert ("ECE" in result.metrics.extra) == (name in ("linear", "common", "logreg"))


def test_another_split_has_a_file_of_its_own(run: RunDir) -> None:
    result = evaluate(run, STORE, "knn", split="odd-even-subjects", controls=False)
    assert_agree(run.path / "predictions" / "knn-odd-even-subjects.npz", result)


def test_classifier_and_fusion(tmp_path: Path) -> None:
    method = {"name": "supervised", "num_classes": 3, "hidden": 8}
    runs = [
        make_run(
            tmp_path / stream,
            tiny_config(method=method, split=SPLIT, prepare={"window": 16, "bodies": 1, "stream": stream}),
        )
        for stream in ("joint", "bone")
    ]
    results = [evaluate_classifier(runs[0], STORE, controls=False)]
    results.append(evaluate_fusion(runs, STORE, protocol="classify", controls=False))
    for name, result in zip(("classify", "fusion-classify"), results, strict=True):
        kept = assert_agree(runs[0].path / "predictions" / f"{name}.npz", result)
        assert kept.scores is not None
        assert kept.scores.shape == (12, 3)


def test_repeated_fine_tuning(run: RunDir) -> None:
    config, out = fine_tuning(run.config, str(run.path)), run.path / "finetune"
    result = finetune(config, STORE, out, repeats=2, controls=False, training=Training(accelerator="cpu"))
    kept = assert_agree(find_predictions(run.path, "finetune"), result)
    assert kept.predictions.shape == (2, 12)
    each = [np.load(out / f"seed-{seed}" / "predictions.npy")[-1] for seed in range(2)]
    np.testing.assert_array_equal(kept.predictions, each)


def test_which_file_is_meant(tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    folder.mkdir()
    with pytest.raises(RunError, match=r"no predictions of knn; make some with: kineme eval knn "):
        find_predictions(tmp_path, "knn")
    for name, split in (("linear", SPLIT), ("linear-ntu60-xsub", "ntu60-xsub")):
        columns: dict[str, Any] = {column: np.zeros(1) for column in ("classes", "ids", "labels", "predictions")}
        np.savez(folder / f"{name}.npz", split=np.array(split), **columns)
    assert find_predictions(tmp_path, "linear").stem == "linear"
    assert find_predictions(tmp_path, "linear", "ntu60-xsub").stem == "linear-ntu60-xsub"
    assert find_predictions(tmp_path, "linear", SPLIT).stem == "linear"
    with pytest.raises(RunError, match=r"no predictions of knn; there are predictions of linear, linear-ntu60-xsub;"):
        find_predictions(tmp_path, "knn")
    with pytest.raises(RunError, match=r"no predictions of linear-ntu60-xview; there are predictions of linear, "):
        find_predictions(tmp_path, "linear", "ntu60-xview")
    (folder / "linear.npz").write_bytes(b"no archive")
    with pytest.raises(RunError, match=r"no readable predictions .* evaluate the run again"):
        ClipPredictions.load(folder / "linear.npz")
