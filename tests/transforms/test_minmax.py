"""Coordinates between -1 and 1, against a plain loop over clips."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import ClipBatch, RaggedClips
from kineme.errors import ConfigError
from kineme.store import SkeletonStore
from kineme.transforms import Canonical, Preparation, eval_pipeline
from kineme.transforms.align import Align
from kineme.transforms.minmax import MinMax
from ragged import EXTENTS, ragged_arrays, ragged_store

SEEDS = st.integers(0, 999)


def scaled(clips: RaggedClips, bodies: int = 3) -> ClipBatch:
    return MinMax(bodies).apply(clips, {}).pad(bodies)


def everything(store: SkeletonStore) -> RaggedClips:
    return store.gather(range(len(store)))


@settings(max_examples=25, deadline=None)
@given(SEEDS, EXTENTS, st.integers(1, 3), st.sampled_from([2, 3]))
def test_minmax_is_a_plain_loop(seed: int, extents: list[tuple[int, int]], bodies: int, channels: int) -> None:
    store = ragged_store(seed, extents, channels=channels)
    batch = scaled(everything(store), bodies)
    for i, ours in enumerate(batch.xyz):
        clip = store[i]
        seen = clip.xyz[:bodies][clip.present[:bodies]]
        low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
        expected = 2 * (seen - low) / (high - low) - 1
        np.testing.assert_allclose(ours[batch.present[i]].numpy(), expected, rtol=1e-5, atol=1e-5)
        assert not ours[~batch.present[i]].any()


@settings(max_examples=25, deadline=None)
@given(SEEDS, EXTENTS, st.floats(-5, 5), st.floats(0.1, 20))
def test_place_and_size_do_not_matter(seed: int, extents: list[tuple[int, int]], shift: float, factor: float) -> None:
    arrays = ragged_arrays(seed, extents)
    moved = [array * np.array([factor, 1, 2], np.float32) + np.float32(shift) for array in arrays]
    first, second = (scaled(everything(SkeletonStore.from_arrays(clips, "kinect20"))) for clips in (arrays, moved))
    torch.testing.assert_close(first.xyz, second.xyz, rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(SEEDS, EXTENTS)
def test_bounds_are_reached_and_scaling_again_changes_nothing(seed: int, extents: list[tuple[int, int]]) -> None:
    once = scaled(everything(ragged_store(seed, extents)))
    points = [clip[present].flatten(0, 1) for clip, present in zip(once.xyz, once.present, strict=True)]
    for clip in points:
        torch.testing.assert_close(clip.amin(dim=0), -torch.ones(3))
        torch.testing.assert_close(clip.amax(dim=0), torch.ones(3))
    hidden = np.where(once.present[..., None, None], once.xyz, np.nan)
    again = scaled(everything(SkeletonStore.from_arrays(list(hidden), "kinect20")))
    torch.testing.assert_close(again.xyz, once.xyz, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_an_axis_without_extent_is_zero(value: float) -> None:
    clip = np.random.default_rng(0).normal(size=(9, 20, 3)).astype(np.float32)
    clip[..., 1] = value
    xyz = scaled(SkeletonStore.from_arrays([clip], "kinect20").gather([0]), 1).xyz
    assert not xyz[..., 1].any()
    assert xyz[..., 0].amax() == pytest.approx(1)


def test_clips_in_which_nobody_is_seen_stay_empty() -> None:
    arrays = [np.full((4, 20, 3), np.nan), np.random.default_rng(0).normal(size=(6, 20, 3))]
    store = SkeletonStore.from_arrays(arrays, "kinect20", keep_empty=True)
    batch = scaled(everything(store))
    assert batch.xyz.isfinite().all()
    assert not batch.xyz[0].any()


@pytest.mark.parametrize("pose", [Canonical(), Canonical(centre=False, yaw=True), Canonical(yaw=True), Align()])
def test_extremes_are_those_of_the_pose(pose: Canonical | Align) -> None:
    posed = pose.apply(everything(ragged_store(1, [(2, 12), (1, 30)])), {})
    before, after = posed.pad(2), MinMax(2).apply(posed, {}).pad(2)
    for x, y, present in zip(before.xyz, after.xyz, before.present, strict=True):
        low, high = x[present].amin(dim=(0, 1)), x[present].amax(dim=(0, 1))
        torch.testing.assert_close(y[present], 2 * (x[present] - low) / (high - low) - 1, rtol=1e-4, atol=1e-5)


def test_all_of_a_clip_counts_and_not_the_crop_alone() -> None:
    clip = np.random.default_rng(0).normal(size=(40, 20, 3)).astype(np.float32)
    clip[0] *= 100
    prepare = Preparation(window=8, bodies=1, scale="minmax", test_keep=0.5)
    xyz = eval_pipeline(prepare)(SkeletonStore.from_arrays([clip], "kinect20").gather([0]), torch.Generator()).xyz
    assert xyz.abs().amax() < 0.9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "minmax", "root_relative": True}, "set scale to metres"),
        ({"scale": "minmax", "yaw_per_frame": True}, "set scale to metres"),
        ({"align": True, "yaw": True}, "or align"),
        ({"align": True, "yaw_per_frame": True}, "or align"),
    ],
)
def test_what_excludes_each_other(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Preparation.parse(changes)
