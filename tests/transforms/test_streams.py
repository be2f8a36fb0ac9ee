"""Bone and motion streams, and other layouts."""

import pytest
import torch

from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.transforms import Bone, Motion, ToLayout
from kineme.transforms.streams import displacement
from ragged import ragged_store


def test_bones_point_from_parent_to_joint() -> None:
    batch = ragged_store(0, [(2, 6)], "kinect25").gather([0]).pad()
    bones = Bone().apply(batch, {}).xyz
    hand, wrist = batch.layout.index("left_hand"), batch.layout.index("left_wrist")
    assert torch.equal(bones[..., hand, :], batch.xyz[..., hand, :] - batch.xyz[..., wrist, :])
    assert not bones[..., batch.layout.index("spine_shoulder"), :].any()


def test_motion_is_zero_at_the_end() -> None:
    batch = ragged_store(0, [(1, 6)], absent=0).gather([0]).pad()
    motion = Motion(stride=2).apply(batch, {}).xyz
    assert torch.equal(motion[:, :, :4], batch.xyz[:, :, 2:] - batch.xyz[:, :, :4])
    assert not motion[:, :, 4:].any()


def test_displacement_longer_than_the_sequence_is_zero() -> None:
    assert torch.equal(displacement(torch.rand(2, 3), 7, time_axis=1), torch.zeros(2, 3))


def test_to_layout_keeps_shared_joints() -> None:
    batch = ragged_store(0, [(1, 3)], "kinect25").gather([0]).pad()
    target = Layout.get("kinect20")
    mapped = ToLayout(target).apply(batch, {})
    assert mapped.layout is target
    torch.testing.assert_close(
        mapped.xyz[..., target.index("left_knee"), :], batch.xyz[..., batch.layout.index("left_knee"), :]
    )


def test_to_layout_does_not_mix_units() -> None:
    batch = ragged_store(0, [(1, 3)], "kinect25").gather([0]).pad()
    with pytest.raises(LayoutError, match=r"kinect25 is in m, sbu15 in image"):
        ToLayout(Layout.get("sbu15")).apply(batch, {})
