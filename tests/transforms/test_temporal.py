"""Random changes of time, against one clip at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.transforms import CropReflect, Stretch, TemporalFlip
from ragged import ragged_store


def batch_of(frames: int, clips: int = 3) -> ClipBatch:
    return ragged_store(frames, [(2, frames)] * clips).gather(range(clips)).pad()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 99))
def test_crop_is_a_window_of_the_reflected_clip(frames: int, ratio: int, seed: int) -> None:
    batch = batch_of(frames)
    draws = CropReflect(ratio).sample(batch, seeded(seed))
    added = frames // ratio
    assert (draws["start"].abs() <= added).all()
    cropped = CropReflect(ratio).apply(batch, draws)
    for name in ("xyz", "present"):
        for clip, ours, start in zip(
            getattr(batch, name), getattr(cropped, name), draws["start"].tolist(), strict=True
        ):
            longer = torch.cat([clip[:, :added].flip(1), clip, clip[:, frames - added :].flip(1)], dim=1)
            assert torch.equal(ours, longer[:, start + added : start + added + frames])


def test_crop_reaches_both_ends() -> None:
    start = CropReflect(6).sample(batch_of(50, clips=400), seeded(0))["start"]
    assert sorted(set(start.tolist())) == list(range(-8, 9))


def test_flip_runs_backwards() -> None:
    batch = batch_of(9)
    flipped = TemporalFlip().apply(batch, {"reversed": torch.tensor([True, False, True])})
    assert torch.equal(flipped.xyz[0], batch.xyz[0].flip(1))
    assert torch.equal(flipped.present[2], batch.present[2].flip(1))
    assert torch.equal(flipped.xyz[1], batch.xyz[1])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.data())
def test_stretch_is_torchs_interpolation(frames: int, data: st.DataObject) -> None:
    batch = batch_of(frames)
    sizes = [data.draw(st.integers(1, 2 * frames)) for _ in range(len(batch))]
    stretched = Stretch().apply(batch, {"frames": torch.tensor(sizes)})
    assert stretched.length.tolist() == [min(size, frames) for size in sizes]
    for clip, ours, size in zip(batch.xyz, stretched.xyz, sizes, strict=True):
        rows = clip.movedim(1, -1).flatten(1, 2)
        resized = F.interpolate(rows, size, mode="linear", align_corners=False)[..., :frames]
        expected = F.pad(resized, (0, frames - resized.shape[-1])).unflatten(1, clip.shape[2:]).movedim(-1, 1)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    assert not stretched.xyz[~stretched.present].any()
    beyond = torch.arange(frames) >= stretched.length[:, None]
    assert not stretched.present[beyond[:, None, :].expand_as(stretched.present)].any()
    assert stretched.present[stretched.xyz.abs().amax(dim=(3, 4)) > 1e-4].all()


def test_stretch_draws_half_to_one_and_a_half() -> None:
    frames = Stretch(1.0).sample(batch_of(50, clips=500), seeded(0))["frames"]
    assert 25 <= frames.min() < 30
    assert 70 < frames.max() < 75


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_hardly_any_frames(frames: int) -> None:
    batch = batch_of(frames)
    assert (Stretch(1.0).sample(batch, seeded(0))["frames"] >= 1).all()
    assert torch.equal(CropReflect(6)(batch, seeded(0)).xyz, batch.xyz)
