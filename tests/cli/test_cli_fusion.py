"""``kineme eval fusion``: several runs, or one of several streams, judged together."""

from pathlib import Path

import pytest

from command_line import TINY, refuse, succeed
from fake import tiny_config
from kineme.evaluate.result import Result
from kineme.store import SkeletonStore
from kineme.train.loop import fit

STREAMS = ("joint", "motion", "bone")


@pytest.fixture(scope="module")
def runs(store: Path) -> list[Path]:
    """One run per stream."""
    paths = [store.with_name(stream) for stream in STREAMS]
    for path in paths:
        options = ["--store", store, "--out", path, "--prepare.stream", path.name]
        succeed("pretrain", "mae-compact", *options, *TINY)
    return paths


def test_three_runs(runs: list[Path], store: Path) -> None:
    text = succeed("eval", "fusion", *runs, "--store", store, "--weights", 0.5, 0.3, 0.2)
    result = Result.load(runs[0] / "results" / "fusion-linear.json")
    assert result.metrics.last.candidate == "linear@2: 0.5 joint + 0.3 motion + 0.2 bone"
    assert result.metrics.last.candidate in text
    for stream in STREAMS:
        assert f"{stream} {100 * result.metrics.extra[stream]:.1f} %" in text
    for row in ("pretrained, last", "untrained twin, last", "coordinate 1-NN"):
        assert f" {row} " in text
    assert "fusion-linear@2" in succeed("report", runs[0], "--out", store.with_name("report"))


def test_options_reach_the_evaluation(runs: list[Path], store: Path) -> None:
    options = ["--protocol", "knn", "--split", "odd-even-subjects", "--no-controls", "--seed", 3]
    text = succeed("eval", "fusion", *runs[1:], "--store", store, *options)
    result = Result.load(runs[1] / "results" / "fusion-knn-odd-even-subjects.json")
    assert "knn@1: 0.4 motion + 0.6 bone" in text
    assert (result.split, result.seed, result.untrained) == ("odd-even-subjects", 3, None)


def test_trained_classifiers(store: Path) -> None:
    folders = [store.with_name(f"classifier-{stream}") for stream in STREAMS[:2]]
    for folder, stream in zip(folders, STREAMS, strict=False):
        method = {"name": "supervised", "hidden": 8}
        config = tiny_config(method=method, split="nucla-xview", prepare={"window": 16, "bodies": 1, "stream": stream})
        fit(config, SkeletonStore.open(store), folder, accelerator="cpu")
    text = succeed("eval", "fusion", *folders, "--store", store, "--protocol", "classify")
    assert "fusion-classify@2" in text
    assert "classify@1: 0.6 joint + 0.4 motion" in text
    assert " trained, last " in text


def test_one_run_of_several_streams(store: Path) -> None:
    config = tiny_config(
        split="nucla-xview",
        method={"name": "crosclr", "features": 8, "queue_size": 16},
        encoder={"name": "stgcn", "hidden_channels": 4, "width": 16},
        augment=[{}, {}],
    )
    out = store.with_name("crosclr")
    fit(config, SkeletonStore.open(store), out, accelerator="cpu")
    text = succeed("eval", "fusion", out, "--store", store, "--protocol", "knn")
    assert "knn@1: 0.6 joint + 0.4 motion + 0.6 bone" in text
    assert "knn@1 of" in succeed("eval", "knn", out / "streams" / "bone", "--store", store, "--no-controls")


def test_what_cannot_be_fused(runs: list[Path], store: Path, tmp_path: Path) -> None:
    assert "kineme eval fusion RUN RUN" in refuse("eval", "fusion", "--store", store)
    assert "nothing to fuse" in refuse("eval", "fusion", runs[0], "--store", store)
    assert "expected 3 weights, found 1" in refuse("eval", "fusion", *runs, "--store", store, "--weights", 1)
    assert "--seed -1: expected" in refuse("eval", "fusion", *runs, "--store", store, "--seed", -1)
    assert "no run here" in refuse("eval", "fusion", runs[0], tmp_path, "--store", store)
