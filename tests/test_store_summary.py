from dataclasses import replace
from pathlib import Path

import numpy as np

from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_summary import missing_joints, store_summary
from kineme.store_writer import StoreWriter

RNG = np.random.default_rng(0)
CLIPS = [RNG.normal(size=(1, 4, 20, 3)), RNG.normal(size=(2, 6, 20, 3))]


def test_summary_counts_everything() -> None:
    store = SkeletonStore.from_arrays(
        CLIPS, "kinect20", labels=["sit", "stand"], subject=[3, 3], camera=[1, 2], splits={"own": (["clip00000"], [])}
    )
    assert store_summary(store) == {
        "clips": 2,
        "layout": "kinect20",
        "joints": 20,
        "coordinates": 3,
        "bodies": {"1": 1, "2": 1},
        "frames": {"min": 4, "median": 5, "max": 6, "sum": 10},
        "labels": {"sit": 1, "stand": 1},
        "subject": {"3": 2},
        "camera": {"1": 1, "2": 1},
        "splits": {"own": {"train": 1, "test": 0}},
        "provenance": {},
    }


def test_joints_are_missing_where_zero_in_present_bodies() -> None:
    clips = [clip.copy() for clip in CLIPS]
    clips[0][0, :2, 3] = 0  # the head in 2 of 16 body-frames, one of which nobody is in
    clips[1][1, 0] = np.nan
    store = SkeletonStore.from_arrays(clips, "kinect20")
    assert missing_joints(store) == {"head": round(100 * 2 / 15, 2)}


def test_joints_are_missing_where_their_confidence_is_zero() -> None:
    confidence = [np.ones(clip.shape[:3]) for clip in CLIPS]
    confidence[1][:, :, 7] = 0
    store = SkeletonStore.from_arrays(CLIPS, "kinect20", confidence=confidence)
    assert missing_joints(store) == {"left_hand": 75.0}


def test_unlabelled_clips_are_counted() -> None:
    summary = store_summary(SkeletonStore.from_arrays(CLIPS, "kinect20"))
    assert summary["unlabelled"] == 2
    assert "labels" not in summary


def test_segments_are_counted_by_class(tmp_path: Path) -> None:
    clip = SkeletonStore.from_arrays(CLIPS, "kinect20")[1]
    segments = np.array([[1, 0, 2], [0, 2, 4], [1, 4, 6]])
    with StoreWriter(tmp_path / "store", Layout.get("kinect20"), ["sit", "stand"]) as writer:
        writer.add(replace(clip, segments=segments))
    summary = store_summary(SkeletonStore.open(tmp_path / "store"))
    assert summary["segments"] == {"sit": 1, "stand": 2}
    assert summary["unlabelled"] == 1
