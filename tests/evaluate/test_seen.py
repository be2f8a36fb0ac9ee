"""The leakage guard: none seen of a run on its split, all of a run on everything, unknown where nothing is recorded."""

import logging
from pathlib import Path

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune
from kineme.evaluate.fusion import evaluate_fusion
from kineme.evaluate.seen import count_seen
from kineme.evaluate.sides import labelled_sides
from kineme.recipes.base import RunConfig, fine_tuning
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.clips import training_clips
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"
TUNING = {"method": {"hidden": 8}, "train": {"epochs": 1, "batch_size": 8, "warmup_epochs": 0}}


def config_of(split: str | None, stream: str = "joint") -> RunConfig:
    return tiny_config(split=split, prepare={"window": 16, "bodies": 1, "stream": stream}, finetune=TUNING)


def make_run(folder: Path, config: RunConfig, *, recorded: bool = True) -> RunDir:
    """A run that was never trained, but says on what."""
    index = training_clips(config, STORE)
    run = RunDir.create(folder, config, STORE, len(index), STORE.ids[index] if recorded else None)
    run.save_weights(build_method(config, STORE.layout, STORE.channels).state_dict())
    return run


@pytest.fixture
def own(tmp_path: Path) -> RunDir:
    return make_run(tmp_path / "own", config_of(SPLIT))


@pytest.fixture
def everything(tmp_path: Path) -> RunDir:
    return make_run(tmp_path / "everything", config_of(None, "motion"))


@pytest.fixture
def old(tmp_path: Path) -> RunDir:
    """Of a version that recorded nothing."""
    return make_run(tmp_path / "old", config_of(None, "bone"), recorded=False)


def test_frozen_features(own: RunDir, everything: RunDir, old: RunDir, caplog: pytest.LogCaptureFixture) -> None:
    results = [evaluate(run, STORE, "knn", split=SPLIT, controls=False) for run in (own, everything, old)]
    assert [result.seen for result in results] == [0, 12, None]
    warnings = [text for text in caplog.messages if "trained on" in text]
    assert len(warnings) == 1
    told = f"{everything.path} was trained on all clips, which has 12 of the 12 test clips of {SPLIT}, such as "
    assert warnings[0].startswith(told + str(STORE.ids[labelled_sides(STORE, SPLIT, 0).test[0]]))


def test_another_split_has_some_of_them(own: RunDir) -> None:
    sides = labelled_sides(STORE, "odd-even-subjects", 0)
    expected = np.isin(sides.test, training_clips(own.config, STORE)).sum()
    assert 0 < expected < len(sides.test)
    assert count_seen(sides, own) == expected


def test_a_larger_store_with_the_same_recordings(everything: RunDir) -> None:
    """As NTU RGB+D 120 has those of 60: other positions, some new clips."""
    rows, clips = STORE.gather([]), STORE.clips[::-1].copy()
    clips["id"][:9] = [f"new-{i}" for i in range(9)]
    larger = SkeletonStore(rows.xyz, rows.present, clips, layout=STORE.layout, classes=STORE.classes)
    sides = labelled_sides(larger, SPLIT, 0)
    new = sum(clip.startswith("new") for clip in larger.ids[sides.test].tolist())
    assert count_seen(sides, everything) == len(sides.test) - new


def test_fusion_counts_what_any_stream_saw(own: RunDir, everything: RunDir, old: RunDir) -> None:
    fused = evaluate_fusion([own, everything], STORE, protocol="knn", split=SPLIT, controls=False)
    assert fused.seen == 12
    assert evaluate_fusion([own, old], STORE, protocol="knn", split=SPLIT, controls=False).seen is None


def test_fine_tuning(own: RunDir, everything: RunDir, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for run, seen in ((own, 0), (everything, 12)):
        config = fine_tuning(run.config, str(run.path)).with_changes(split=SPLIT)
        result = finetune(config, STORE, tmp_path / "tuned", controls=False, training=Training(accelerator="cpu"))
        assert result.seen == seen
        assert ("was trained on all clips" in caplog.text) == bool(seen)
        caplog.clear()
        (tmp_path / "tuned").rename(tmp_path / f"tuned-{seen}")
    # The classifier learned no class of a test clip, so that it is measured, with a warning.
    tuned = RunDir.open(tmp_path / "tuned-12" / "seed-0")
    with caplog.at_level(logging.WARNING):
        assert evaluate_classifier(tuned, STORE, controls=False).seen == 12
    assert f"weights that {tuned.path} started from were trained on 12 of the 12 test clips" in caplog.text
    scratch = fine_tuning(own.config, "").with_changes(start={"weights": None})
    result = finetune(scratch, STORE, tmp_path / "scratch", controls=False, training=Training(accelerator="cpu"))
    assert result.seen == 0
