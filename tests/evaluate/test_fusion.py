"""Fusion of streams: clip by clip whatever their order, refused where clips differ, and streams of one run apart."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fake import small_store, tiny_config
from kineme.errors import ConfigError, RunError
from kineme.evaluate.class_scores import ClassScores, fuse
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.fusion import evaluate_fusion
from kineme.evaluate.result import Result
from kineme.evaluate.streams import stream_runs
from kineme.methods.crosclr import CrosSCLR
from kineme.nn.heads import pooled
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from kineme.transforms.pipeline import eval_pipeline

SPLIT = "nucla-xview"
CROSCLR = {
    "method": {"name": "crosclr", "features": 8, "queue_size": 16},
    "encoder": {"name": "stgcn", "hidden_channels": 4, "width": 16},
    "augment": [{}, {}],
    "split": SPLIT,
}


def make_run(folder: Path, store: SkeletonStore, config: RunConfig, seed: int = 7) -> RunDir:
    """Run whose weights are those of another seed: different from its untrained twin, without training."""
    run = RunDir.create(folder, config, store, len(store))
    other = config.with_changes(train=config.train.with_changes(seed=seed))
    run.save_weights(build_method(other, store.layout, store.channels).state_dict())
    return run


def stream_config(stream: str, split: str | None = SPLIT) -> RunConfig:
    return tiny_config(split=split, prepare={"window": 16, "bodies": 1, "stream": stream})


@pytest.fixture(scope="module")
def store() -> SkeletonStore:
    return small_store(num_clips=36)


@pytest.fixture
def runs(tmp_path: Path, store: SkeletonStore) -> list[RunDir]:
    return [make_run(tmp_path / stream, store, stream_config(stream)) for stream in ("joint", "motion", "bone")]


@pytest.fixture
def crosclr(tmp_path: Path, store: SkeletonStore) -> RunDir:
    return make_run(tmp_path / "crosclr", store, tiny_config(**CROSCLR))


def scores(ids: str, values: Tensor, source: str = "run", split: str = SPLIT, classes: str = "xyz") -> ClassScores:
    return ClassScores(source, split, tuple(classes), tuple(ids), values)


def test_scores_are_added_clip_by_clip() -> None:
    one, two = torch.randn(4, 3), torch.randn(4, 3)
    order = [2, 0, 3, 1]
    fused = fuse([scores("abcd", one), scores("cadb", two[order])], [0.6, 0.4])
    torch.testing.assert_close(fused, 0.6 * one.double() + 0.4 * two.double())


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (scores("abe", torch.zeros(3, 3), "other"), "clips: c and e"),
        (scores("ab", torch.zeros(2, 3), "other"), "clips: c and no others"),
        (scores("abc", torch.zeros(3, 3), "other", split="ntu60-xsub"), f"splits: {SPLIT} and ntu60-xsub"),
        (scores("abc", torch.zeros(3, 3), "other", classes="xyw"), "classes: z and w"),
        (scores("abc", torch.zeros(3, 3), "other", classes="xzy"), "classes: the same in another order"),
    ],
)
def test_what_differs_is_named(other: ClassScores, named: str) -> None:
    with pytest.raises(RunError, match=f"run and other cannot be fused, they differ in {named}"):
        fuse([scores("abc", torch.zeros(3, 3)), other], [1, 1])


def test_many_missing_clips_are_counted() -> None:
    with pytest.raises(RunError, match="clips: a, b, c and 2 more and no others"):
        fuse([scores("abcdefg", torch.zeros(7, 3)), scores("fg", torch.zeros(2, 3))], [1, 1])


@pytest.mark.parametrize("protocol", ["linear", "knn"])
def test_one_stream_alone_is_what_it_is_by_itself(runs: list[RunDir], store: SkeletonStore, protocol: str) -> None:
    alone = [evaluate(run, store, protocol) for run in runs]
    result = evaluate_fusion(runs, store, weights=(0, 1, 0), protocol=protocol)
    assert result.metrics.last.accuracy == alone[1].metrics.last.accuracy
    assert result.metrics.confusion == alone[1].metrics.confusion
    assert result.metrics.extra == {
        run.config.prepare.stream: single.metrics.last.accuracy for run, single in zip(runs, alone, strict=True)
    }
    assert result.untrained is not None
    assert alone[1].untrained is not None
    assert result.untrained.confusion == alone[1].untrained.confusion
    assert (result.coordinate_1nn, result.counts) == (alone[0].coordinate_1nn, alone[0].counts)


def test_weights_are_stated_and_kept(runs: list[RunDir], store: SkeletonStore) -> None:
    result = evaluate_fusion(runs, store, protocol="knn", controls=False)
    assert result.metrics.last.candidate == "knn@1: 0.6 joint + 0.4 motion + 0.6 bone"
    assert result.metrics.best_val is None
    assert result.untrained is None
    assert all(str(run.path) in result.run for run in runs)
    assert Result.load(runs[0].path / "results" / "fusion-knn.json") == result
    again = evaluate_fusion(runs[::-1], store, weights=(0.6, 0.4, 0.6), protocol="knn", controls=False)
    assert again.metrics.confusion == result.metrics.confusion


def classifier_config(stream: str) -> RunConfig:
    method = {"name": "supervised", "num_classes": 3, "hidden": 8}
    return tiny_config(method=method, split=SPLIT, prepare={"window": 16, "bodies": 1, "stream": stream})


def test_classifiers_of_four_streams_are_fused_by_their_own_heads(tmp_path: Path, store: SkeletonStore) -> None:
    streams = ("joint", "bone", "motion", "bone_motion")
    trained = [make_run(tmp_path / stream, store, classifier_config(stream)) for stream in streams]
    alone = [evaluate_classifier(run, store, controls=False) for run in trained]
    result = evaluate_fusion(trained, store, protocol="classify")
    assert result.protocol == "fusion-classify@2"
    assert result.metrics.last.candidate == "classify@1: 0.6 joint + 0.6 bone + 0.4 motion + 0.4 bone_motion"
    assert list(result.metrics.extra.values()) == [each.metrics.last.accuracy for each in alone]
    assert (result.untrained, result.features) == (None, None)
    assert result.coordinate_1nn is not None
    saved = [np.load(run.path / "predictions" / "classify.npz") for run in trained]
    added = np.sum([weight * file["scores"] for weight, file in zip((0.6, 0.6, 0.4, 0.4), saved, strict=True)], axis=0)
    label = {str(row["id"]): int(row["label"]) for row in store.clips}
    correct = [label[id] == k for id, k in zip(saved[0]["ids"].tolist(), added.argmax(axis=1), strict=True)]
    assert result.metrics.last.accuracy == np.mean(correct)


def test_a_run_without_classes_has_no_head_to_fuse(runs: list[RunDir], store: SkeletonStore) -> None:
    with pytest.raises(RunError, match="mae learns no classes"):
        evaluate_fusion(runs, store, protocol="classify")


def test_runs_of_one_stream_are_told_apart_by_their_folders(tmp_path: Path, store: SkeletonStore) -> None:
    twice = [make_run(tmp_path / f"seed{seed}", store, stream_config("joint"), seed) for seed in (1, 2)]
    result = evaluate_fusion(twice, store, weights=(1, 1), protocol="knn", controls=False)
    assert list(result.metrics.extra) == [str(run.path) for run in twice]


def test_a_run_of_several_streams_is_fused_by_itself(crosclr: RunDir, store: SkeletonStore) -> None:
    result = evaluate_fusion([crosclr], store, protocol="knn")
    assert list(result.metrics.extra) == ["joint", "motion", "bone"]
    assert (crosclr.path / "results" / "fusion-knn.json").exists()
    by_itself = evaluate(RunDir.open(crosclr.path / "streams" / "motion"), store, "knn", controls=False)
    assert by_itself.metrics.last.accuracy == result.metrics.extra["motion"]


def test_streams_of_a_run_have_its_encoders(crosclr: RunDir, store: SkeletonStore) -> None:
    method = crosclr.load_method()
    assert isinstance(method, CrosSCLR)
    for run, stream in zip(stream_runs(crosclr), method.streams.values(), strict=True):
        clips = eval_pipeline(run.config.prepare)(store.gather(np.arange(4)), torch.Generator())
        with torch.inference_mode():
            expected = pooled(stream.encoder.eval().features(clips))
            assert torch.equal(pooled(run.load_method().encoder.features(clips)), expected)
    assert [run.config.prepare.stream for run in stream_runs(crosclr)] == ["joint", "motion", "bone"]


def test_streams_follow_the_run(crosclr: RunDir) -> None:
    before = stream_runs(crosclr)[1].load_method().state_dict()
    whole = crosclr.load_method().state_dict()
    changed = {name: value + 1 if value.is_floating_point() else value for name, value in whole.items()}
    crosclr.save_weights(changed)
    after = stream_runs(crosclr)[1].load_method().state_dict()
    torch.testing.assert_close(after["encoder.input_norm.bias"], before["encoder.input_norm.bias"] + 1)


def test_streams_of_another_run_are_not_taken(crosclr: RunDir, tmp_path: Path, store: SkeletonStore) -> None:
    stream_runs(crosclr)
    other = make_run(tmp_path / "other", store, tiny_config(**CROSCLR, train={"seed": 5}))
    (crosclr.path / "streams").rename(other.path / "streams")
    with pytest.raises(RunError, match="remove it"):
        stream_runs(other)


def test_what_cannot_be_fused_is_refused(runs: list[RunDir], tmp_path: Path, store: SkeletonStore) -> None:
    with pytest.raises(ConfigError, match="nothing to fuse"):
        evaluate_fusion(runs[:1], store)
    with pytest.raises(ConfigError, match="expected 3 weights, found 2"):
        evaluate_fusion(runs, store, weights=(0.5, 0.5))
    for weights in ((0, 0, 0), (1, -1, 1), (1, float("nan"), 1)):
        with pytest.raises(ConfigError, match="expected weights from 0"):
            evaluate_fusion(runs, store, weights=weights)
    with pytest.raises(ConfigError, match="retrieval gives no class scores"):
        evaluate_fusion(runs, store, protocol="retrieval")
    elsewhere = make_run(tmp_path / "elsewhere", store, stream_config("bone", "odd-even-subjects"))
    with pytest.raises(ConfigError, match=r"different splits: .*joint nucla-xview, .*elsewhere odd-even-subjects"):
        evaluate_fusion([runs[0], elsewhere], store)
    assert evaluate_fusion([runs[0], elsewhere], store, split=SPLIT, protocol="knn", controls=False).split == SPLIT
