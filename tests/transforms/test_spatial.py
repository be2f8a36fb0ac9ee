"""Random changes of space."""

import math

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms import AxisMask, MainRotation, RandomMirror, Shear, Swap
from kineme.transforms.bones import root_joint
from ragged import ragged_store


@pytest.fixture
def batch() -> ClipBatch:
    return ragged_store(0, [(2, 9), (1, 9), (3, 9), (1, 9)], "kinect25").gather(range(4)).pad()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shear_adds_shares_of_other_axes(batch: ClipBatch) -> None:
    matrix = torch.eye(3).repeat(4, 1, 1)
    matrix[2, 0, 1] = 0.25
    sheared = Shear().apply(batch, {"matrix": matrix}).xyz
    torch.testing.assert_close(sheared[2, ..., 0], batch.xyz[2, ..., 0] + 0.25 * batch.xyz[2, ..., 1])
    assert torch.equal(sheared[2, ..., 1:], batch.xyz[2, ..., 1:])
    assert torch.equal(sheared[0], batch.xyz[0])


def test_shear_stays_within_its_amplitude(batch: ClipBatch) -> None:
    matrix = Shear(0.2).sample(batch, seeded(0))["matrix"]
    off = matrix[:, ~torch.eye(3, dtype=torch.bool)]
    assert (matrix.diagonal(dim1=1, dim2=2) == 1).all()
    assert 0.1 < off.abs().max() <= 0.2
    assert off.min() < 0 < off.max()


@pytest.mark.parametrize("layout", Layout.names())
def test_shear_can_keep_the_root(layout: str) -> None:
    batch = ragged_store(0, [(2, 5)], layout).gather([0]).pad()
    draws = Shear().sample(batch, seeded(0))
    kept, moved = Shear(keep_root=True).apply(batch, draws).xyz, Shear().apply(batch, draws).xyz
    root = root_joint(batch.layout)
    same = (kept == moved).all(dim=-1).flatten(0, 2)
    assert torch.equal(kept[..., root, :], batch.xyz[..., root, :])
    others = [joint for joint in range(batch.layout.num_joints) if joint != root]
    assert same[:, others].all()
    assert not same[:, root].all()


@pytest.mark.parametrize("layout", Layout.names())
def test_swap_is_a_mirror_without_the_reflection(layout: str) -> None:
    batch = ragged_store(0, [(2, 5), (1, 5)], layout).gather([0, 1]).pad()
    swapped = Swap(1.0)(batch, seeded(0)).xyz
    mirrored = RandomMirror(1.0)(batch, seeded(0)).xyz
    assert torch.equal(swapped * torch.tensor([-1.0, 1.0, 1.0]), mirrored)
    assert torch.equal(Swap(1.0)(batch.with_xyz(swapped), seeded(0)).xyz, batch.xyz)


def test_rotation_has_one_main_axis(batch: ClipBatch) -> None:
    main, other = math.radians(30), math.radians(1)
    many = ragged_store(0, [(1, 1)] * 300, "jhmdb15").gather(range(300)).pad()
    angles = MainRotation(main, other).sample(many, seeded(0))["angles"]
    assert ((angles >= 0) & (angles <= main)).all()
    large = angles > other
    assert (large.sum(dim=1) <= 1).all()
    assert (large.sum(dim=0) > 50).all(), "every axis has its turn"
    turned = MainRotation(main, other)(batch, seeded(1)).xyz
    torch.testing.assert_close(turned.norm(dim=-1), batch.xyz.norm(dim=-1), rtol=1e-5, atol=1e-5)


def test_axis_mask_takes_one_axis(batch: ClipBatch) -> None:
    masked = AxisMask().apply(batch, {"axis": torch.tensor([0, 2, -1, 1])}).xyz
    assert not masked[0, ..., 0].any()
    assert not masked[1, ..., 2].any()
    assert torch.equal(masked[1, ..., :2], batch.xyz[1, ..., :2])
    assert torch.equal(masked[2], batch.xyz[2])
