"""A trained classifier by its own head: figures, files, windows, and refusals that help."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fake import small_store, tiny_config
from kineme.errors import RunError, StoreError
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.classify import logits_of
from kineme.evaluate.config import ClassifyConfig
from kineme.evaluate.result import Result
from kineme.methods import Classifier
from kineme.recipes.base import RunConfig
from kineme.splits import get_split
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

SPLIT = "nucla-xview"


def config_of(classes: int = 3, split: str | None = SPLIT) -> RunConfig:
    return tiny_config(method={"name": "supervised", "num_classes": classes, "hidden": 8}, split=split)


def make_run(folder: Path, store: SkeletonStore, config: RunConfig) -> RunDir:
    """A run that was never trained."""
    run = RunDir.create(folder, config, store, num_clips=24)
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    return run


def with_rate(store: SkeletonStore, fps: float) -> SkeletonStore:
    clips, rows = store.clips.copy(), store.gather([])
    clips["fps"] = fps
    return SkeletonStore(rows.xyz, rows.present, clips, layout=store.layout, classes=store.classes)


def logits(run: RunDir, store: SkeletonStore) -> torch.Tensor:
    method = run.load_method()
    assert isinstance(method, Classifier)
    return logits_of(method, store, get_split(store, SPLIT)[1], run.config.prepare)


@dataclass(frozen=True)
class Measured:
    store: SkeletonStore
    run: RunDir
    result: Result


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Seven classes, of which two have no clip."""
    store = small_store(num_clips=45, classes=5)
    rows = store.gather([])
    store = SkeletonStore(rows.xyz, rows.present, store.clips, layout=store.layout, classes=(*store.classes, "x", "y"))
    run = make_run(tmp_path_factory.mktemp("runs") / "run", store, config_of(7))
    return Measured(store, run, evaluate_classifier(run, store))


def test_figures(measured: Measured) -> None:
    labels = torch.from_numpy(measured.store.labels[get_split(measured.store, SPLIT)[1]]).long()
    values, scores = logits(measured.run, measured.store), measured.result.metrics
    correct = values.argmax(dim=1) == labels
    assert scores.last.accuracy == pytest.approx(correct.double().mean().item())
    assert scores.last.candidate == "last epoch"
    assert scores.best_val is None
    assert scores.extra["mean loss"] == pytest.approx(F.cross_entropy(values, labels).item(), rel=1e-5)
    top = (values.topk(5).indices == labels[:, None]).any(dim=1)
    assert scores.extra["top-5"] == pytest.approx(top.double().mean().item())
    known = [accuracy for accuracy in scores.per_class if accuracy is not None]
    assert scores.extra["mean per-class"] == pytest.approx(np.mean(known))
    assert measured.result.counts.train == 24
    assert measured.result.untrained is None
    assert measured.result.coordinate_1nn is not None


def test_files(measured: Measured) -> None:
    folder = measured.run.path
    assert Result.load(folder / "results" / "classify.json") == measured.result
    with (folder / "results" / "classify.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list(measured.store.classes)
    assert [int(row["clips"]) for row in rows] == [3, 3, 3, 3, 3, 0, 0]
    assert rows[-1]["accuracy"] == ""
    assert float(rows[0]["accuracy"]) == pytest.approx(measured.result.metrics.per_class[0], abs=1e-4)
    saved = np.load(folder / "predictions" / "classify.npz")
    expected = logits(measured.run, measured.store).log_softmax(dim=1)
    np.testing.assert_allclose(saved["scores"], expected, atol=1e-5)
    assert saved["ids"].tolist() == measured.store.ids[get_split(measured.store, SPLIT)[1]].tolist()
    assert saved["classes"].tolist() == list(measured.store.classes)


def test_few_classes_have_no_top_five(tmp_path: Path) -> None:
    store = small_store()
    result = evaluate_classifier(make_run(tmp_path / "run", store, config_of()), store, controls=False)
    assert set(result.metrics.extra) == {"mean per-class", "mean loss", "ECE"}
    assert result.coordinate_1nn is None


def test_one_long_window_is_the_whole_clip(tmp_path: Path) -> None:
    store = with_rate(small_store(), 10.0)
    run = make_run(tmp_path / "run", store, config_of())
    whole = evaluate_classifier(run, store, controls=False)
    before = np.load(run.path / "predictions" / "classify.npz")["scores"]
    cut = evaluate_classifier(run, store, classify=ClassifyConfig(window_seconds=100), controls=False)
    after = np.load(run.path / "predictions" / "classify.npz")["scores"]
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert cut.metrics.confusion == whole.metrics.confusion
    assert cut.metrics.last.candidate == "last epoch, windows of 100 s"


def test_probabilities_of_windows_are_averaged(tmp_path: Path) -> None:
    """A clip that is cut into halves is classified as the mean of two clips that are those halves."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(40, 20, 3)) for _ in range(6)]
    halves = [half for array in arrays for half in np.split(array, 2)]
    shared = {"layout": "kinect20", "classes": ["a", "b"], "fps": 10.0}
    long, short = (
        SkeletonStore.from_arrays(
            clips,
            labels=[i % 2 for i in range(len(clips))],
            camera=[1] * (len(clips) // 2) + [3] * (len(clips) // 2),
            **shared,
        )
        for clips in (arrays, halves)
    )
    run = make_run(tmp_path / "run", long, config_of(2))
    evaluate_classifier(run, short, controls=False)
    apart = np.load(run.path / "predictions" / "classify.npz")["scores"]
    evaluate_classifier(run, long, classify=ClassifyConfig(window_seconds=2), controls=False)
    together = np.load(run.path / "predictions" / "classify.npz")["scores"]
    np.testing.assert_allclose(np.exp(together), np.exp(apart).reshape(3, 2, 2).mean(axis=1), atol=1e-5)


def test_windows_take_a_frame_rate(tmp_path: Path) -> None:
    store = small_store()
    run = make_run(tmp_path / "run", store, config_of())
    with pytest.raises(StoreError, match="windows of 6 s take frame rates, and 6 test clips have none, such as clip"):
        evaluate_classifier(run, store, classify=ClassifyConfig(window_seconds=6))


def test_a_run_that_learned_no_classes(tmp_path: Path) -> None:
    store = small_store()
    run = make_run(tmp_path / "run", store, tiny_config(split=SPLIT))
    with pytest.raises(RunError, match=r"mae learns no classes.* kineme eval linear .*run --store.* kineme finetune"):
        evaluate_classifier(run, store)


def test_a_store_of_other_classes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", small_store(), config_of())
    with pytest.raises(RunError, match="tells 3 classes apart, the store has 2"):
        evaluate_classifier(run, small_store(classes=2))


def test_clips_that_were_trained_on_are_no_test(tmp_path: Path) -> None:
    store = small_store().save(tmp_path / "store")
    everything = fit(config_of(split=None), store, tmp_path / "all", accelerator="cpu")
    with pytest.raises(RunError, match=r"trained on all clips, which has 6 of the 6 test clips.* --split nucla-xview"):
        evaluate_classifier(everything, store, split=SPLIT)
    other = fit(config_of(split=SPLIT), store, tmp_path / "xview", accelerator="cpu")
    with pytest.raises(RunError, match=r"has .* of the .* test clips of odd-even-subjects"):
        evaluate_classifier(other, store, split="odd-even-subjects")
    assert evaluate_classifier(other, store, controls=False).split == SPLIT
