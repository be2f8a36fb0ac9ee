"""What every random change of a dense batch keeps to, on any layout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms import (
    AxisMask,
    BoneRescale,
    CropReflect,
    GaussianBlur,
    GaussianNoise,
    MainRotation,
    PointDropout,
    Shear,
    Stretch,
    Swap,
    TemporalFlip,
    Transform,
)
from ragged import EXTENTS, ragged_store

Dense = Transform[ClipBatch, ClipBatch]
ALWAYS: list[Dense] = [
    AxisMask(1.0),
    BoneRescale(0.5),
    CropReflect(6),
    GaussianBlur(1.0),
    GaussianBlur(1.0, normalise=True),
    GaussianNoise(0.01, 1.0),
    MainRotation(),
    PointDropout(0.5),
    Shear(0.5),
    Shear(0.5, keep_root=True),
    Stretch(1.0),
    Swap(1.0),
    TemporalFlip(1.0),
]
NEVER: list[Dense] = [
    AxisMask(0.0),
    CropReflect(99),
    GaussianBlur(0.0),
    GaussianBlur(0.0, normalise=True),
    GaussianNoise(0.01, 0.0),
    MainRotation(0.0, 0.0),
    PointDropout(0.5, 0.0),
    PointDropout(0.0, 1.0),
    Shear(0.0),
    Stretch(0.0),
    Swap(0.0),
    TemporalFlip(0.0),
]
IN_SPACE = (MainRotation,)


def called(transform: Dense) -> str:
    return type(transform).__name__


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(seed: int, extents: list[tuple[int, int]], layout: str, channels: int = 3) -> ClipBatch:
    store = ragged_store(seed, extents, layout, channels)
    return store.gather(range(len(store))).pad()


@pytest.mark.parametrize("transform", ALWAYS, ids=called)
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.sampled_from(Layout.names()), st.sampled_from([2, 3]))
def test_draws_decide_everything(
    transform: Dense, seed: int, extents: list[tuple[int, int]], layout: str, channels: int
) -> None:
    batch = batch_of(seed, extents, layout, 3 if isinstance(transform, IN_SPACE) else channels)
    draws, again = (transform.sample(batch, seeded(seed)) for _ in range(2))
    assert all(torch.equal(draws[key], again[key]) for key in draws)
    assert all(len(draw) == len(batch) for draw in draws.values())
    before = batch.xyz.clone()
    first, second = transform.apply(batch, draws), transform.apply(batch, draws)
    assert torch.equal(batch.xyz, before), "the input was changed in place"
    assert torch.equal(first.xyz, second.xyz)
    assert torch.equal(first.xyz, transform(batch, seeded(seed)).xyz)
    assert (first.xyz.shape, first.xyz.dtype, first.present.shape) == (
        batch.xyz.shape,
        batch.xyz.dtype,
        batch.present.shape,
    )
    assert first.xyz.isfinite().all()


@pytest.mark.parametrize("transform", ALWAYS, ids=called)
def test_a_clip_does_not_depend_on_its_neighbours(transform: Dense) -> None:
    batch = batch_of(0, [(2, 20), (1, 20), (3, 20)], "kinect25")
    draws = transform.sample(batch, seeded(1))
    alone = ragged_store(0, [(2, 20), (1, 20), (3, 20)], "kinect25").gather([1]).pad(max_bodies=3)
    ours = transform.apply(alone, {key: draw[1:2] for key, draw in draws.items()})
    torch.testing.assert_close(ours.xyz[0], transform.apply(batch, draws).xyz[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("transform", ALWAYS, ids=called)
def test_clips_are_changed_and_apart_from_each_other(transform: Dense) -> None:
    batch = batch_of(0, [(1, 60)] * 12, "kinect25")
    draws = transform.sample(batch, seeded(2))
    changed = transform.apply(batch, draws).xyz
    assert (changed != batch.xyz).flatten(1).any(dim=1).sum() >= 6
    if not isinstance(transform, Swap | TemporalFlip):
        assert all(len(draw.unique(dim=0)) > 1 for draw in draws.values())


@pytest.mark.parametrize("transform", NEVER, ids=called)
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.sampled_from(Layout.names()))
def test_no_strength_is_the_identity(transform: Dense, seed: int, extents: list[tuple[int, int]], layout: str) -> None:
    batch = batch_of(seed, extents, layout)
    same = transform(batch, seeded(seed))
    assert torch.equal(same.xyz, batch.xyz)
    assert torch.equal(same.present, batch.present)
    assert torch.equal(same.length, batch.length)


@pytest.mark.parametrize(
    ("transform", "key", "unchanged"),
    [
        (AxisMask(0.3), "axis", -1),
        (GaussianBlur(0.3), "sigma", 0),
        (Stretch(0.3), "frames", 20),
        (Swap(0.3), "swapped", False),
        (TemporalFlip(0.3), "reversed", False),
    ],
    ids=lambda value: called(value) if isinstance(value, Transform) else "",
)
def test_probability_is_a_share_of_clips(transform: Dense, key: str, unchanged: float) -> None:
    batch = batch_of(0, [(1, 20)] * 1000, "jhmdb15")
    share = (transform.sample(batch, seeded(0))[key] != unchanged).float().mean().item()
    assert 0.25 < share < 0.35
