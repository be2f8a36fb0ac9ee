"""Robustness: clean figures are the protocol's own, curves are complete, and what cannot be measured is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fake import small_store, tiny_config
from kineme.errors import ConfigError, RunError, UnknownNameError
from kineme.evaluate import robustness
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.protocols.knn import NearestNeighbours
from kineme.evaluate.robustness import Robustness, evaluate_robustness
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from kineme.transforms.corruptions import CORRUPTIONS

SPLIT = "nucla-xview"
FEW = ("jitter", "layout_reduction")


def make_run(folder: Path, store: SkeletonStore, config: RunConfig | None = None) -> RunDir:
    """A run that was never trained."""
    config = config or tiny_config(split=SPLIT)
    run = RunDir.create(folder, config, store, 24)
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    return run


def classifier_of(classes: int = 3) -> RunConfig:
    return tiny_config(method={"name": "supervised", "num_classes": classes, "hidden": 8}, split=SPLIT)


@pytest.fixture
def store() -> SkeletonStore:
    return small_store(num_clips=36)


@pytest.fixture
def run(tmp_path: Path, store: SkeletonStore) -> RunDir:
    return make_run(tmp_path / "run", store)


def test_all_corruptions_and_severities(run: RunDir, store: SkeletonStore) -> None:
    result = evaluate_robustness(run, store, "knn")
    assert [curve.corruption for curve in result.curves] == list(CORRUPTIONS)
    assert all(curve.severities == (1, 2, 3, 4, 5) and len(curve.scores) == 5 for curve in result.curves)
    accuracies = [[score.accuracy for score in curve.scores] for curve in result.curves]
    assert result.mean == pytest.approx(np.mean(accuracies))
    assert result.relative == pytest.approx(result.mean / result.clean.accuracy)
    assert [curve.mean for curve in result.curves] == pytest.approx(np.mean(accuracies, axis=1).tolist())
    assert all(score.low <= score.accuracy <= score.high for curve in result.curves for score in curve.scores)
    assert (result.protocol, result.candidate, result.clips) == ("knn@1", "k=5", 12)
    assert Robustness.load(run.path / "robustness" / "knn.json") == result


@pytest.mark.parametrize(("name", "views"), [("knn", 3), ("linear", 1)])
def test_clean_is_what_the_protocol_says(tmp_path: Path, store: SkeletonStore, name: str, views: int) -> None:
    config = tiny_config(split=SPLIT, features={"views": views, "average": views > 1, "standardise": True})
    run = make_run(tmp_path / "run", store, config)
    plain = evaluate(run, store, name, controls=False).metrics.last
    result = evaluate_robustness(run, store, name, corruptions=FEW, severities=[1])
    assert result.clean.model_dump() == plain.model_dump(include={"accuracy", "low", "high"})


def test_clean_is_what_the_classifier_says(tmp_path: Path, store: SkeletonStore) -> None:
    run = make_run(tmp_path / "run", store, classifier_of())
    plain = evaluate_classifier(run, store, controls=False).metrics.last
    result = evaluate_robustness(run, store, "classify", corruptions=FEW, severities=[5, 1, 1])
    assert result.clean.accuracy == plain.accuracy
    assert [curve.severities for curve in result.curves] == [(1, 5), (1, 5)]


def test_a_probe_is_trained_once_on_clean_clips(
    run: RunDir, store: SkeletonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = []
    own = NearestNeighbours.candidates
    monkeypatch.setattr(NearestNeighbours, "candidates", lambda self, task: tasks.append(task) or own(self, task))
    evaluate_robustness(run, store, "knn", corruptions=FEW, severities=[1, 3])
    (task,) = tasks
    clean = evaluate(run, store, "knn", controls=False) and tasks[-1]
    assert torch.equal(task.views, clean.views)
    assert task.queries.shape == (5 * 12, clean.queries.shape[1])
    assert torch.equal(task.queries[:12], clean.queries)
    assert not torch.isclose(task.queries[12:24], clean.queries).all()


def test_the_same_again_and_another_draw(run: RunDir, store: SkeletonStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    own = robustness.extract
    monkeypatch.setattr(robustness, "extract", lambda *args, **kwargs: seen.append(own(*args, **kwargs)) or seen[-1])
    results = [
        evaluate_robustness(run, store, "knn", corruptions=["jitter"], severities=[3], seed=seed) for seed in (0, 0, 1)
    ]
    assert results[0] == results[1]
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_progress(run: RunDir, store: SkeletonStore) -> None:
    told = []
    evaluate_robustness(run, store, "knn", corruptions=FEW, severities=[2, 4], progress=lambda *step: told.append(step))
    assert told[-4:] == [
        ("jitter at severity 2", 1, 4),
        ("jitter at severity 4", 2, 4),
        ("layout_reduction at severity 2", 3, 4),
        ("layout_reduction at severity 4", 4, 4),
    ]


def test_another_split_has_its_own_file(run: RunDir, store: SkeletonStore) -> None:
    evaluate_robustness(run, store, "knn", corruptions=FEW, severities=[1], split="odd-even-subjects")
    assert (run.path / "robustness" / "knn-odd-even-subjects.json").exists()


def test_flat_clips_have_no_depth_to_lose(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(20, 17, 2)).astype(np.float32) for _ in range(12)]
    flat = SkeletonStore.from_arrays(arrays, "coco17", labels=[0, 1] * 6, subject=[1, 1, 2, 2] * 3)
    run = make_run(tmp_path / "flat", flat, tiny_config(split="odd-even-subjects"))
    result = evaluate_robustness(run, flat, "knn", severities=[1])
    assert [curve.corruption for curve in result.curves] == [name for name in CORRUPTIONS if name != "projection"]
    with pytest.raises(ConfigError, match="nothing to corrupt"):
        evaluate_robustness(run, flat, "knn", corruptions=["projection"])


def test_what_cannot_be_measured(run: RunDir, store: SkeletonStore) -> None:
    with pytest.raises(UnknownNameError, match="corruption 'fog'"):
        evaluate_robustness(run, store, "knn", corruptions=["fog"])
    with pytest.raises(UnknownNameError, match="perhaps you meant knn"):
        evaluate_robustness(run, store, "kn")
    with pytest.raises(ConfigError, match="severity 6"):
        evaluate_robustness(run, store, "knn", severities=[6])
    with pytest.raises(ConfigError, match="nothing to corrupt"):
        evaluate_robustness(run, store, "knn", severities=[])
    with pytest.raises(RunError, match="learns no classes"):
        evaluate_robustness(run, store, "classify")
