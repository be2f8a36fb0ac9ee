"""Bones that grow and shrink."""

import pytest
import torch

from kineme.layout import Layout
from kineme.transforms import Bone, BoneRescale
from kineme.transforms.bones import root_joint
from ragged import ragged_store


@pytest.mark.parametrize("layout", Layout.names())
@pytest.mark.parametrize("channels", [2, 3])
def test_every_bone_is_multiplied_and_the_root_stays(layout: str, channels: int) -> None:
    batch = ragged_store(0, [(2, 4), (1, 4)], layout, channels).gather([0, 1]).pad()
    factor = BoneRescale(1.5).sample(batch, torch.Generator().manual_seed(0))["factor"]
    rescaled = BoneRescale().apply(batch, {"factor": factor})
    bones, expected = Bone().apply(rescaled, {}).xyz, Bone().apply(batch, {}).xyz * factor[:, None, None, :, None]
    torch.testing.assert_close(bones, expected, rtol=1e-4, atol=1e-5)
    root = root_joint(batch.layout)
    assert torch.equal(rescaled.xyz[..., root, :], batch.xyz[..., root, :])


def test_factors_lie_between_zero_and_the_strength() -> None:
    batch = ragged_store(0, [(1, 4)] * 40, "kinect25").gather(range(40)).pad()
    factor = BoneRescale(0.5).sample(batch, torch.Generator().manual_seed(0))["factor"]
    assert factor.shape == (40, 25)
    assert 0 <= factor.min() < 0.01
    assert 0.49 < factor.max() <= 0.5


def test_a_forest_has_several_roots() -> None:
    """A layout of one's own may have joints that hang on nothing; they stay too."""
    kinect = Layout.get("kinect20").to_dict()
    free = Layout.from_dict(kinect | {"gcn": kinect["gcn"] | {"head": "head"}})
    batch = ragged_store(0, [(1, 4)], "kinect20").gather([0]).pad()
    batch = batch.with_xyz(batch.xyz, layout=free)
    rescaled = BoneRescale()(batch, torch.Generator().manual_seed(0))
    head, hand = free.index("head"), free.index("left_hand")
    assert torch.equal(rescaled.xyz[..., head, :], batch.xyz[..., head, :])
    assert not torch.equal(rescaled.xyz[..., hand, :], batch.xyz[..., hand, :])
