"""The whole road from a run to a result: honest, cached safely, and clear about what it cannot do."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fake import small_store, tiny_config
from kineme.errors import ConfigError, LayoutMismatchError, RunError, SplitError, StoreError, UnknownNameError
from kineme.evaluate import cache
from kineme.evaluate.config import FeatureConfig
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.protocols import protocols
from kineme.evaluate.report import collect
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from small import small_pair

SPLIT = "nucla-xview"


def make_run(folder: Path, store: SkeletonStore, config: RunConfig | None = None, seed: int = 7) -> RunDir:
    """Run whose weights are those of another seed: different from its untrained twin, without training."""
    config = config or tiny_config(split=SPLIT)
    run = RunDir.create(folder, config, store, len(store))
    other = config.with_changes(train=config.train.with_changes(seed=seed))
    run.save_weights(build_method(other, store.layout, store.channels).state_dict())
    return run


def relabelled(store: SkeletonStore, index: np.ndarray, labels: int | np.ndarray) -> SkeletonStore:
    """The same clips with other labels at some positions."""
    rows, clips = store.gather([]), store.clips.copy()
    clips["label"][index] = labels
    return SkeletonStore(rows.xyz, rows.present, clips, layout=store.layout, classes=store.classes)


@pytest.fixture
def store() -> SkeletonStore:
    return small_store(num_clips=36)


@pytest.fixture
def run(tmp_path: Path, store: SkeletonStore) -> RunDir:
    return make_run(tmp_path / "run", store)


@pytest.mark.parametrize("name", protocols.names())
def test_every_protocol_reports_itself_and_its_controls(run: RunDir, store: SkeletonStore, name: str) -> None:
    result = evaluate(run, store, name)
    assert result.protocol == f"{name}@{protocols.get(name).version}"
    assert (result.counts.train, result.counts.test, result.counts.validation) == (24, 12, 6)
    assert result.untrained is not None
    assert result.coordinate_1nn is not None
    assert result.coordinate_1nn.accuracy == 1.0
    assert result.metrics.best_val is not None
    assert result.metrics.best_test.accuracy >= max(result.metrics.last.accuracy, result.metrics.best_val.accuracy)
    assert result.metrics.last.low <= result.metrics.last.accuracy <= result.metrics.last.high
    assert sum(map(sum, result.metrics.confusion)) == 12
    assert result.chance == result.majority == pytest.approx(1 / 3)
    assert Result.load(run.path / "results" / f"{name}.json") == result


@pytest.mark.parametrize("name", protocols.names())
def test_test_labels_change_no_prediction_and_no_choice(run: RunDir, store: SkeletonStore, name: str) -> None:
    test = np.flatnonzero(store.clips["camera"] == 3)
    permuted = relabelled(store, test, np.random.default_rng(0).permutation(store.labels[test]))
    first, second = (evaluate(run, labelled, name, controls=False).metrics for labelled in (store, permuted))
    assert first.best_val is not None
    assert second.best_val is not None
    assert first.best_val.candidate == second.best_val.candidate
    assert first.last.candidate == second.last.candidate
    predicted = [np.array(metrics.confusion).sum(axis=0).tolist() for metrics in (first, second)]
    assert predicted[0] == predicted[1]


def test_neighbours_are_those_of_the_recipe(tmp_path: Path, store: SkeletonStore) -> None:
    config = tiny_config(split=SPLIT, knn={"neighbours": [2, 3], "default": 3, "temperature": 0.5})
    result = evaluate(make_run(tmp_path / "few", store, config), store, "knn", controls=False)
    assert result.metrics.last.candidate == "k=3"
    assert result.knn == config.knn


def test_transfer_to_another_dataset(tmp_path: Path, store: SkeletonStore) -> None:
    """A contrastive run is probed on clips of other classes under another split; its own result stays."""
    config = small_pair("skeletonclr", "stgcn").with_changes(split=SPLIT)
    run = make_run(tmp_path / "contrastive", store, config)
    own = evaluate(run, store, "linear", controls=False)
    other = small_store(num_clips=32, classes=4, seed=5)
    result = evaluate(run, other, "linear", split="odd-even-subjects")
    assert (result.split, len(result.classes)) == ("odd-even-subjects", 4)
    assert (result.counts.train, result.counts.test) == (16, 16)
    assert result.untrained is not None
    folder = run.path / "results"
    assert Result.load(folder / "linear.json") == own
    assert Result.load(folder / "linear-odd-even-subjects.json") == result
    (report,) = collect([run.path])
    assert report.results == (own, result)


def test_training_labels_matter(run: RunDir, store: SkeletonStore) -> None:
    train = np.flatnonzero(store.clips["camera"] != 3)
    wrong = relabelled(store, train, (store.labels[train] + 1) % 3)
    before, after = (np.array(evaluate(run, s, "knn").metrics.confusion) for s in (store, wrong))
    np.testing.assert_array_equal(np.roll(before, 1, axis=1), after)


def test_evaluating_leaves_the_weights_alone(run: RunDir, store: SkeletonStore) -> None:
    before = (run.path / "weights.safetensors").read_bytes()
    evaluate(run, store, "linear")
    assert (run.path / "weights.safetensors").read_bytes() == before


def test_features_are_extracted_once(run: RunDir, store: SkeletonStore, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [evaluate(run, store, "knn")]

    def must_not_run(*args: object, **kwargs: object) -> None:
        raise AssertionError("features were extracted again")

    monkeypatch.setattr(cache, "extract", must_not_run)
    results.append(evaluate(run, store, "knn"))
    evaluate(run, store, "retrieval")
    assert results[0] == results[1]


def test_features_are_extracted_again_when_anything_changed(run: RunDir, store: SkeletonStore) -> None:
    def features(store: SkeletonStore, **settings: Any) -> torch.Tensor:
        evaluate(run, store, "knn", controls=False, **settings)
        return load_file(run.path / "features" / "trained-train.safetensors")["views"]

    before = features(store)
    moved = store.gather([]).xyz.clone()
    moved[0, 0, 0] += 0.5
    clips = replace(store.gather([]), xyz=moved)
    changed = SkeletonStore(clips.xyz, clips.present, store.clips, layout=store.layout, classes=store.classes)
    assert not torch.equal(features(changed), before)
    assert torch.equal(features(store), before)
    assert features(store, features=FeatureConfig(pool="joint")).shape[-1] == 20 * before.shape[-1]
    assert len(features(store, features=FeatureConfig(views=3))) == 3
    assert len(features(store, split="nucla-xview1")[0]) == 24
    other = build_method(tiny_config(train={"seed": 9}), store.layout, 3)
    run.save_weights(other.state_dict())
    assert not torch.equal(features(store), before)


def test_the_twin_is_the_same_network_before_training(tmp_path: Path, store: SkeletonStore) -> None:
    untouched = make_run(tmp_path / "untouched", store, seed=0)
    result = evaluate(untouched, store, "linear")
    assert result.untrained == result.metrics


def test_one_training_subject_gives_no_validation(tmp_path: Path) -> None:
    store = small_store(num_clips=24, subjects=1)
    result = evaluate(make_run(tmp_path / "run", store), store, "knn")
    assert result.metrics.best_val is None
    assert "subject" in result.metrics.why_no_best_val
    assert result.counts.validation == 0


def test_classes_may_be_missing_on_either_side(run: RunDir, store: SkeletonStore) -> None:
    camera = store.clips["camera"]
    store = relabelled(store, np.flatnonzero((camera == 3) & (store.labels == 0)), 1)
    store = relabelled(store, np.flatnonzero((camera != 3) & (store.labels == 2)), 0)
    for name in protocols.names():
        result = evaluate(run, store, name)
        assert result.metrics.per_class[0] is None
        assert result.metrics.per_class[2] == 0.0


def test_clips_without_a_label_are_left_out_and_counted(run: RunDir, store: SkeletonStore) -> None:
    result = evaluate(run, relabelled(store, np.array([0, 1, 2]), -1), "knn")
    assert result.counts.unlabelled == 3
    assert result.counts.train + result.counts.test == 33


def test_without_controls(run: RunDir, store: SkeletonStore) -> None:
    result = evaluate(run, store, "knn", controls=False)
    assert result.untrained is None
    assert result.coordinate_1nn is None
    assert not (run.path / "features" / "untrained-train.safetensors").exists()


def test_collapsed_features_are_announced_before_the_probe(
    run: RunDir, store: SkeletonStore, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(run.path / "weights.safetensors")
    weights["encoder.norm.weight"].zero_()
    weights["encoder.norm.bias"].fill_(1.0)
    run.save_weights(weights)
    with caplog.at_level(logging.WARNING):
        result = evaluate(run, store, "knn")
    assert "collapsed" in caplog.text
    assert result.health is not None
    assert result.health.messages


def test_progress_is_told(run: RunDir, store: SkeletonStore) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(run, store, "knn", progress=lambda what, done, total: told.append((what, done, total)))
    assert ("trained features of train clips", 24, 24) in told
    assert ("untrained features of test clips", 12, 12) in told


def test_what_cannot_be_evaluated_is_refused(tmp_path: Path, run: RunDir, store: SkeletonStore) -> None:
    with pytest.raises(UnknownNameError, match="perhaps you meant linear"):
        evaluate(run, store, "liner")
    with pytest.raises(StoreError, match="no labels"):
        evaluate(run, small_store(36, labelled=False), "knn")
    with pytest.raises(SplitError):
        evaluate(run, small_store(36, cameras=2), "knn")
    with pytest.raises(ConfigError, match="--split"):
        evaluate(make_run(tmp_path / "whole", store, tiny_config()), store, "knn")
    flat = SkeletonStore.from_arrays([np.random.rand(9, 17, 3)], "coco17", labels=[0])
    with pytest.raises(LayoutMismatchError, match="the model expects kinect20"):
        evaluate(run, flat, "knn")
    (run.path / "weights.safetensors").unlink()
    with pytest.raises(RunError, match="no weights"):
        evaluate(run, store, "knn")
