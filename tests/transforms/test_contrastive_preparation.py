"""Root-relative clips that face the viewer in every frame."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import ClipBatch
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.transforms import CentreCrop, RandomCrop, RootRelative, YawPerFrame
from kineme.transforms.bones import root_joint
from kineme.transforms.frames import valid_frames
from ragged import EXTENTS, ragged_arrays, ragged_store

SPATIAL = [name for name in Layout.names() if Layout.get(name).unit == "m"]
GENERATOR = torch.Generator()


def batch_of(layout: str, seed: int = 0) -> ClipBatch:
    return ragged_store(seed, [(2, 7), (1, 5)], layout).gather([0, 1]).pad()


@pytest.mark.parametrize("layout", Layout.names())
def test_every_body_stands_on_its_root(layout: str) -> None:
    batch = batch_of(layout)
    relative = RootRelative().apply(batch, {})
    assert not relative.xyz[..., root_joint(batch.layout), :].any()
    assert not relative.xyz[~batch.present].any()
    torch.testing.assert_close(relative.xyz.diff(dim=3), batch.xyz.diff(dim=3), rtol=1e-5, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.integers(1, 30))
def test_root_may_be_taken_out_before_or_after_resizing(seed: int, extents: list[tuple[int, int]], window: int) -> None:
    arrays = ragged_arrays(seed, extents, "kinect25")
    root = root_joint(Layout.get("kinect25"))
    before = [array - array[:, :, root : root + 1] for array in arrays]
    crop = CentreCrop(window, 2, keep=1.0)
    after, expected = (
        crop(SkeletonStore.from_arrays(clips, "kinect25").gather(range(len(arrays))), GENERATOR)
        for clips in (arrays, before)
    )
    torch.testing.assert_close(RootRelative().apply(after, {}).xyz, expected.xyz, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", SPATIAL)
def test_yaw_lays_the_shoulders_along_the_first_axis(layout: str) -> None:
    """Where the track of a body keeps to one side, as one frame does."""
    batch = batch_of(layout)
    batch = batch.with_xyz(batch.xyz[:, :, :1].expand_as(batch.xyz).clone())
    turned = YawPerFrame(margin=1e-7).apply(batch, {}).xyz
    kind = batch.layout
    names = ("left_shoulder", "right_shoulder") if "left_shoulder" in kind.joints else kind.across
    left, right = kind.indices(names)
    line = (turned[..., right, :] - turned[..., left, :])[batch.xyz.flatten(3).any(dim=-1)]
    up = "xyz".index(kind.up[1])
    first, second = (axis for axis in range(3) if axis != up)
    assert (line[:, first] > 0).all()
    torch.testing.assert_close(line[:, second] / line[:, first], torch.zeros(len(line)), rtol=0, atol=0.01)
    torch.testing.assert_close(turned.norm(dim=-1), batch.xyz.norm(dim=-1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(turned[..., up], batch.xyz[..., up])


def of_joints(**places: list[tuple[float, float, float]]) -> ClipBatch:
    """One clip of one body with some joints in the places (T, 3) and the others at zero."""
    layout = Layout.get("kinect25")
    frames = {len(place) for place in places.values()}.pop()
    xyz = torch.zeros(1, 1, frames, layout.num_joints, 3)
    for joint, place in places.items():
        xyz[0, 0, :, layout.index(joint)] = torch.tensor(place)
    one = torch.ones(1, dtype=torch.int64)
    return ClipBatch(xyz, torch.ones(1, 1, frames, dtype=torch.bool), one, one, one, layout)


def test_one_sense_for_the_whole_track() -> None:
    """A body that is turned to one side for longer is turned further that way while it looks to the other."""
    angles = [0.5, 0.5, -0.3]
    batch = of_joints(right_shoulder=[(math.cos(angle), 0.0, math.sin(angle)) for angle in angles])
    turned = YawPerFrame().apply(batch, {}).xyz
    u, _, v = turned[0, 0, :, batch.layout.index("right_shoulder")].unbind(1)
    torch.testing.assert_close(torch.atan2(v, u), torch.tensor([0.0, 0.0, -0.6]), rtol=0, atol=0.02)


def test_margin_turns_a_body_that_faces_the_viewer() -> None:
    batch = of_joints(right_shoulder=[(0.3, 0.0, 0.0)])
    turned = YawPerFrame(margin=0.1).apply(batch, {}).xyz[0, 0, 0, batch.layout.index("right_shoulder")]
    angle = -math.acos(0.3 / 0.4)
    torch.testing.assert_close(turned, 0.3 * torch.tensor([math.cos(angle), 0.0, math.sin(angle)]))


def test_shoulders_in_one_place_make_a_quarter_turn() -> None:
    batch = of_joints(head=[(0.0, 1.0, 0.5)])
    turned = YawPerFrame().apply(batch, {}).xyz[0, 0, 0, batch.layout.index("head")]
    torch.testing.assert_close(turned, torch.tensor([0.5, 1.0, 0.0]))


def test_absent_bodies_stay_zero() -> None:
    batch = batch_of("kinect25")
    assert not YawPerFrame().apply(batch, {}).xyz[~batch.present].any()


def test_yaw_in_the_picture_plane_is_refused() -> None:
    batch = ragged_store(0, [(1, 4)], "coco17", channels=2).gather([0]).pad()
    with pytest.raises(LayoutError, match="3 coordinates"):
        YawPerFrame().apply(batch, {})


def seen_like(pattern: str, second: str | None = None) -> SkeletonStore:
    """One clip whose bodies are seen in the frames marked with x."""
    arrays = ragged_arrays(0, [(1 if second is None else 2, len(pattern))], absent=0)
    for body, marks in zip(arrays[0], (pattern, second), strict=False):
        body[[i for i, mark in enumerate(marks or "") if mark != "x"]] = float("nan")
    return SkeletonStore.from_arrays(arrays, "kinect20")


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [("xxxx", None, 4), ("xxx-", "xxxx", 3), ("x--xx-", "xxxxxx", 3), ("----", "xxxx", 4)],
)
def test_frames_in_which_the_first_body_is_seen(first: str, second: str | None, count: int) -> None:
    clips = seen_like(first, second).gather([0])
    assert valid_frames(clips, count_seen=True).tolist() == [count]
    assert valid_frames(clips, count_seen=False).tolist() == [len(first)]


def test_crops_are_of_the_counted_frames() -> None:
    clips = seen_like("x-xx-", "xxxxx").gather([0])
    ends = clips.pad().xyz[:, :, :3]
    assert torch.equal(CentreCrop(3, 2, keep=1.0, count_seen=True)(clips, GENERATOR).xyz, ends)
    assert torch.equal(RandomCrop(3, 2, keep=(1.0, 1.0), count_seen=True)(clips, GENERATOR).xyz, ends)
