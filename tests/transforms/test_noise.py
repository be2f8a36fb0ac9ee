"""Noise, blur and missing coordinates."""

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.transforms import GaussianBlur, GaussianNoise, PointDropout
from ragged import ragged_store


@pytest.fixture
def batch() -> ClipBatch:
    return ragged_store(0, [(2, 40), (1, 40), (2, 40)], "kinect25").gather(range(3)).pad()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_has_its_strength_and_reaches_absent_bodies(batch: ClipBatch) -> None:
    noise = GaussianNoise(0.05, 1.0)(batch, seeded(0)).xyz - batch.xyz
    torch.testing.assert_close(noise.std(), torch.tensor(0.05), rtol=0.03, atol=0)
    torch.testing.assert_close(noise.mean(), torch.tensor(0.0), rtol=0, atol=1e-3)
    assert noise[~batch.present].any()


def test_noise_spares_whole_clips() -> None:
    many = ragged_store(0, [(2, 8)] * 20, "kinect25").gather(range(20)).pad()
    noise = GaussianNoise(0.05, 0.5).sample(many, seeded(0))["noise"].flatten(1)
    touched = noise.any(dim=1)
    assert 5 < touched.sum() < 15
    assert (noise[touched] != 0).float().mean() > 0.99


@pytest.mark.parametrize(("normalise", "gain"), [(True, 1.0), (False, 5.012)])
def test_gain_of_a_blur(batch: ClipBatch, normalise: bool, gain: float) -> None:
    still = batch.with_xyz(torch.ones_like(batch.xyz))
    blurred = GaussianBlur(normalise=normalise).apply(still, {"sigma": torch.tensor([2.0, 1.0, 0.0])}).xyz
    torch.testing.assert_close(blurred[0, :, 7:-7], torch.full_like(blurred[0, :, 7:-7], gain), rtol=1e-3, atol=0)
    assert (blurred[0, :, 0] < gain).all(), "beyond the ends is nothing"
    assert torch.equal(blurred[2], still.xyz[2])


@pytest.mark.parametrize("normalise", [False, True])
def test_blur_reaches_seven_frames(batch: ClipBatch, normalise: bool) -> None:
    flash = torch.zeros_like(batch.xyz)
    flash[:, :, 20] = 1.0
    blurred = GaussianBlur(normalise=normalise).apply(batch.with_xyz(flash), {"sigma": torch.full((3,), 2.0)}).xyz
    lit = blurred[0, 0, :, 0, 0].nonzero().flatten()
    assert lit.tolist() == list(range(13, 28))
    torch.testing.assert_close(blurred[:, :, 13:20], blurred[:, :, 21:28].flip(2))


def test_a_short_clip_is_blurred_like_a_long_one_that_ends_in_zeros(batch: ClipBatch) -> None:
    blur, draws = GaussianBlur(normalise=True), {"sigma": torch.full((3,), 2.0)}
    short = batch.with_xyz(batch.xyz[:, :, :3])
    longer = batch.with_xyz(torch.cat([batch.xyz[:, :, :3], torch.zeros_like(batch.xyz)], dim=2))
    torch.testing.assert_close(blur.apply(short, draws).xyz, blur.apply(longer, draws).xyz[:, :, :3])


def test_dropout_rate(batch: ClipBatch) -> None:
    keep = PointDropout(0.3).sample(batch, seeded(0))["keep"]
    assert 0.68 < keep.float().mean() < 0.72
    dropped = PointDropout(0.3).apply(batch, {"keep": keep}).xyz
    assert not dropped[~keep].any()
    assert torch.equal(dropped[keep], batch.xyz[keep])
