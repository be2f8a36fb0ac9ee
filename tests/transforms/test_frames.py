"""Choosing frames and resizing them, against a plain loop over clips."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.store import SkeletonStore
from kineme.transforms import Canonical, CentreCrop, RandomCrop, crop_length, resample
from ragged import EXTENTS, ragged_store


def plain_resample(
    store: SkeletonStore, start: list[int], length: list[int], window: int, bodies: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One clip and one body at a time, with torch's own interpolation."""
    shape = (len(store), bodies, window, store.layout.num_joints, store.channels)
    xyz, present = torch.zeros(shape), torch.zeros(shape[:3], dtype=torch.bool)
    for i in range(len(store)):
        clip, part = store[i], slice(start[i], start[i] + length[i])
        for m in range(min(bodies, len(clip.xyz))):
            frames = torch.from_numpy(clip.xyz[m, part]).flatten(1).T[None]
            resized = F.interpolate(frames, window, mode="linear", align_corners=False)
            xyz[i, m] = resized[0].T.unflatten(1, shape[3:])
            seen = torch.from_numpy(clip.present[m, part]).float()[None, None]
            present[i, m] = F.interpolate(seen, window, mode="linear", align_corners=False)[0, 0] > 0
    return xyz, present


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.integers(1, 40), st.integers(1, 3), st.data())
def test_resample_is_a_plain_loop(
    seed: int, extents: list[tuple[int, int]], window: int, bodies: int, data: st.DataObject
) -> None:
    store = ragged_store(seed, extents)
    length = [data.draw(st.integers(1, frames)) for _, frames in extents]
    start = [data.draw(st.integers(0, frames - kept)) for (_, frames), kept in zip(extents, length, strict=True)]
    expected, present = plain_resample(store, start, length, window, bodies)
    batch = resample(
        store.gather(range(len(store))), torch.tensor(start), torch.tensor(length), window, max_bodies=bodies
    )
    assert batch.length.tolist() == [window] * len(store)
    # Presence may differ where torch's weight of a frame is a rounding error instead of zero.
    surely = (expected.abs().amax(dim=(3, 4)) > 1e-4) == present
    assert torch.equal(batch.present[surely], present[surely])
    torch.testing.assert_close(batch.xyz, expected, rtol=1e-4, atol=1e-4)
    assert not batch.xyz[~batch.present].any()


def test_resample_to_own_length_changes_nothing() -> None:
    store = ragged_store(0, [(2, 24), (1, 24)])
    clips = store.gather([0, 1])
    batch = resample(clips, torch.zeros(2, dtype=torch.int64), clips.length, 24, max_bodies=2)
    padded = clips.pad()
    assert torch.equal(batch.xyz, padded.xyz)
    assert torch.equal(batch.present, padded.present)


def test_absent_neighbour_does_not_drag_a_body_off_its_pose() -> None:
    """Where a frame is blended with an absent one, the shift is blended too: the result is a scaled body."""
    body = np.random.default_rng(0).normal(size=(1, 2, 20, 3)).astype(np.float32) + 5
    body[0, 1] = np.nan
    clips = SkeletonStore.from_arrays([body], "kinect20").gather([0])
    centred = Canonical().apply(clips, {})
    batch = CentreCrop(3, 1, keep=1.0)(centred, torch.Generator())
    first = centred.pad().xyz[0, 0, 0]
    torch.testing.assert_close(batch.xyz[0, 0, 1], 0.5 * first)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 999), st.lists(st.integers(1, 300), min_size=1, max_size=4), st.floats(0.05, 1), st.integers(1, 90)
)
def test_random_crop_stays_inside(seed: int, lengths: list[int], low: float, min_frames: int) -> None:
    clips = ragged_store(0, [(1, length) for length in lengths]).gather(range(len(lengths)))
    crop = RandomCrop(8, 1, keep=(low, 1.0), min_frames=min_frames)
    draws = crop.sample(clips, torch.Generator().manual_seed(seed))
    start, length = draws["start"], draws["length"]
    assert (start >= 0).all()
    assert (start + length <= clips.length).all()
    assert (length >= clips.length.clamp(max=min_frames)).all()


def test_random_crop_reaches_every_start() -> None:
    clips = ragged_store(0, [(1, 5)]).gather([0] * 500)
    crop = RandomCrop(8, 1, keep=(0.4, 0.4), min_frames=2)
    assert set(crop.sample(clips, torch.Generator().manual_seed(0))["start"].tolist()) == {0, 1, 2, 3}


def test_same_seed_same_draws_same_result() -> None:
    clips = ragged_store(3, [(2, 30), (1, 9)]).gather([0, 1])
    crop = RandomCrop(12, 2, min_frames=4)
    draws = [crop.sample(clips, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert all(torch.equal(draws[0][key], draws[1][key]) for key in draws[0])
    first, second = (crop.apply(clips, draw) for draw in draws)
    assert torch.equal(first.xyz, second.xyz)
    other = crop.sample(clips, torch.Generator().manual_seed(6))
    assert any(not torch.equal(draws[0][key], other[key]) for key in other)


@pytest.mark.parametrize("length", [1, 2, 39, 40, 41, 300])
def test_centre_crop_is_centred(length: int) -> None:
    """Time itself as the coordinate: the crop's mean frame is the clip's."""
    time = np.arange(1, length + 1, dtype=np.float32)[:, None, None] * np.ones((1, 20, 3), np.float32)
    clips = SkeletonStore.from_arrays([time], "kinect20").gather([0])
    batch: ClipBatch = CentreCrop(16, 1, keep=0.95)(clips, torch.Generator())
    assert batch.xyz.mean().item() == pytest.approx((length + 1) / 2, rel=1e-4)
    assert (batch.xyz.diff(dim=2) >= 0).all()


def test_crop_length() -> None:
    valid = torch.tensor([300, 100, 40, 1])
    kept = crop_length(valid, torch.tensor([0.5, 0.5, 0.5, 0.5]), 64)
    assert kept.tolist() == [150, 64, 40, 1]
