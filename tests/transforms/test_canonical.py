"""Canonical pose: where and which way, taken out by the first frame."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.transforms import Canonical, RandomCrop
from ragged import EXTENTS, ragged_arrays, ragged_store


def origin_of(layout: Layout, body: torch.Tensor) -> torch.Tensor:
    return body[..., layout.indices(layout.origin), :].mean(dim=-2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), EXTENTS)
def test_first_body_starts_at_the_origin(seed: int, extents: list[tuple[int, int]]) -> None:
    store = ragged_store(seed, extents)
    clips = store.gather(range(len(store)))
    batch = Canonical().apply(clips, {}).pad()
    first = origin_of(store.layout, batch.xyz[:, 0, 0])
    torch.testing.assert_close(first, torch.zeros_like(first), rtol=0, atol=1e-6)
    assert not batch.xyz[~batch.present].any()
    raw = clips.pad().xyz
    shift = origin_of(store.layout, raw[:, 0, 0])[:, None, None, None] * batch.present[..., None, None]
    torch.testing.assert_close(batch.xyz, raw - shift)


def test_first_frame_is_the_first_seen_one() -> None:
    arrays = ragged_arrays(0, [(1, 6)], absent=0)
    arrays[0][0, :3] = np.nan
    store = SkeletonStore.from_arrays(arrays, "kinect20")
    batch = Canonical().apply(store.gather([0]), {}).pad()
    torch.testing.assert_close(origin_of(store.layout, batch.xyz[0, 0, 3]), torch.zeros(3), rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.floats(-3.14, 3.14), st.sampled_from(["kinect20", "kinect25"]))
def test_yaw_takes_out_a_turn_about_the_vertical(
    seed: int, extents: list[tuple[int, int]], angle: float, layout: str
) -> None:
    arrays = ragged_arrays(seed, extents, layout)
    up = "xyz".index(Layout.get(layout).up[1])
    first, second = (axis for axis in range(3) if axis != up)
    turn = np.eye(3, dtype=np.float32)
    turn[[first, second], [first, second]] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    turned = [array @ turn.T for array in arrays]
    ours, same = (
        Canonical(yaw=True).apply(SkeletonStore.from_arrays(clips, layout).gather(range(len(arrays))), {}).pad()
        for clips in (arrays, turned)
    )
    torch.testing.assert_close(ours.xyz, same.xyz, rtol=1e-3, atol=1e-3)
    assert not ours.xyz[~ours.present].any()


def test_yaw_lays_the_hips_along_the_first_axis() -> None:
    store = ragged_store(1, [(1, 4), (2, 3)])
    body = Canonical(yaw=True).apply(store.gather([0, 1]), {}).pad().xyz[:, 0, 0]
    left, right = store.layout.indices(store.layout.across)
    across = body[:, right] - body[:, left]
    assert (across[:, 0] > 0).all()
    torch.testing.assert_close(across[:, 2], torch.zeros(2), rtol=0, atol=1e-6)


def test_crops_keep_the_pose_of_the_whole_clip() -> None:
    store = ragged_store(2, [(1, 20)], absent=0)
    clips = Canonical().apply(store.gather([0]), {})
    draws = {"start": torch.tensor([7]), "length": torch.tensor([10])}
    batch = RandomCrop(10, 1).apply(clips, draws)
    torch.testing.assert_close(batch.xyz[0, 0], clips.pad().xyz[0, 0, 7:17])


def test_yaw_in_the_picture_plane_is_refused() -> None:
    store = ragged_store(0, [(1, 4)], "coco17", channels=2)
    with pytest.raises(LayoutError, match="3 coordinates"):
        Canonical(yaw=True).apply(store.gather([0]), {})
