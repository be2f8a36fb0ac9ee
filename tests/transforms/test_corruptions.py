"""Corruptions: alike in any batch, worse at every severity, and true to what they say they are."""

import math

import pytest
import torch

from fake import small_store
from kineme.clips import ClipBatch
from kineme.errors import ConfigError, UnknownNameError
from kineme.layout import Layout
from kineme.transforms.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    Corruption,
    FrameDrop,
    Jitter,
    JointDrop,
    LayoutReduction,
    LeftRightSwap,
    LimbOcclusion,
    Projection,
    TimeWarp,
    ViewRotation,
    body_size,
    get_corruption,
)
from kineme.transforms.frames import CentreCrop
from kineme.transforms.pipeline import Preparation, eval_pipeline, train_pipeline
from kineme.transforms.settings import Augmentation
from kineme.transforms.streams import Bone, Motion
from ragged import ragged_store

EXTENTS = [(2, 40), (1, 30), (3, 25), (1, 9), (2, 12)]
CASES = [(name, layout) for name in CORRUPTIONS for layout in Layout.names()]
GENERATOR = torch.Generator()


def ragged_batch(layout: str = "kinect25", channels: int = 3) -> ClipBatch:
    """Clips with absent bodies and frames, padded to the longest."""
    return ragged_store(0, EXTENTS, layout, channels).gather(range(len(EXTENTS))).pad()


def motion_batch() -> ClipBatch:
    """Clips of somebody who moves, resized to a window; somebody's second body is absent."""
    store = small_store(num_clips=12)
    return CentreCrop(48, 2)(store.gather(range(len(store))), GENERATOR)


def channels_of(layout: str) -> int:
    return 2 if Layout.get(layout).unit == "image" else 3


def corrupted(kind: type[Corruption], batch: ClipBatch, severity: int, seed: int = 0) -> ClipBatch:
    return kind(severity, seed)(batch, GENERATOR)


def test_severities() -> None:
    for kind in CORRUPTIONS.values():
        assert len(kind.levels) == len(SEVERITIES)
        assert list(kind.levels) == sorted(set(kind.levels))
        for severity in (0, 6):
            with pytest.raises(ConfigError, match="expected one of 1, 2, 3, 4, 5"):
                kind(severity)


def test_names() -> None:
    assert get_corruption("jitter") is Jitter
    with pytest.raises(UnknownNameError, match="perhaps you meant jitter"):
        get_corruption("jiter")


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_any_layout(name: str, layout: str) -> None:
    batch = ragged_batch(layout, channels_of(layout))
    result = corrupted(CORRUPTIONS[name], batch, 5)
    assert result.xyz.shape == batch.xyz.shape
    assert result.xyz.isfinite().all()
    changed = CORRUPTIONS[name].acts_on(batch.layout, batch.xyz.shape[-1])
    assert torch.equal(result.xyz, batch.xyz) != changed


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_clip_is_corrupted_alike_in_any_batch(name: str) -> None:
    batch = motion_batch()
    some = [7, 2, 5]
    store = small_store(num_clips=12)
    few = CentreCrop(48, 2)(store.gather(some), GENERATOR)
    for severity in (1, 4):
        whole, part = (corrupted(CORRUPTIONS[name], clips, severity) for clips in (batch, few))
        torch.testing.assert_close(part.xyz, whole.xyz[some])
        assert torch.equal(part.present, whole.present[some])


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in ("projection", "layout_reduction")])
def test_the_seed_decides(name: str) -> None:
    batch = motion_batch()
    first, again, other = (corrupted(CORRUPTIONS[name], batch, 3, seed).xyz for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_further_from_clean_at_every_severity(name: str) -> None:
    batch = motion_batch()
    distance = [(corrupted(CORRUPTIONS[name], batch, s).xyz - batch.xyz).norm(dim=-1).mean() for s in SEVERITIES]
    assert distance[0] > 0
    assert distance == sorted(set(distance))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_absent_bodies_stay_absent(name: str) -> None:
    batch = ragged_batch()
    result = corrupted(CORRUPTIONS[name], batch, 5)
    nobody = ~batch.present.any(dim=2)
    assert nobody.any()
    assert not result.present[nobody].any()
    assert not result.xyz[~result.present].any()
    beyond = torch.arange(batch.xyz.shape[2]) >= batch.length[:, None]
    assert not result.present.any(dim=1)[beyond].any()


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in ("frame_drop", "time_warp")])
def test_who_is_present_when_stays(name: str) -> None:
    batch = ragged_batch()
    assert torch.equal(corrupted(CORRUPTIONS[name], batch, 5).present, batch.present)


def test_a_dropped_joint_stays_where_it_was_seen_last() -> None:
    batch = motion_batch()
    lost = torch.zeros(batch.xyz.shape[:-1], dtype=torch.bool)
    lost[3, 0, 5:9, 2] = lost[3, 0, 0, 4] = True
    xyz = JointDrop(1).apply(batch, {"lost": lost}).xyz
    assert torch.equal(xyz[3, 0, 5:9, 2], batch.xyz[3, 0, 4, 2].expand(4, 3))
    assert torch.equal(xyz[~lost], batch.xyz[~lost])
    assert torch.equal(xyz[3, 0, 0, 4], batch.xyz[3, 0, 0, 4])


def test_the_share_of_lost_joints_and_frames() -> None:
    batch = motion_batch()
    for severity, level in zip(SEVERITIES, JointDrop.levels, strict=True):
        assert abs(JointDrop(severity).sample(batch, GENERATOR)["lost"].float().mean() - level) < 0.02
        assert abs(FrameDrop(severity).sample(batch, GENERATOR)["lost"].float().mean() - level) < 0.06


def test_a_lost_frame_shows_the_one_before() -> None:
    batch = motion_batch()
    lost = torch.zeros(len(batch), 48, dtype=torch.bool)
    lost[1, 10:12] = True
    xyz = FrameDrop(1).apply(batch, {"lost": lost}).xyz
    assert torch.equal(xyz[1, :, 10:12], batch.xyz[1, :, 9:10].expand(-1, 2, -1, -1))
    assert torch.equal(xyz[0], batch.xyz[0])


def test_a_hidden_limb_lies_where_it_hangs() -> None:
    batch = motion_batch()
    draws = LimbOcclusion(5).sample(batch, GENERATOR)
    assert draws["hidden"].all()
    assert draws["limb"].unique().tolist() == [0, 1, 2, 3]
    xyz = LimbOcclusion(5).apply(batch, {**draws, "limb": torch.zeros_like(draws["limb"])}).xyz
    layout = batch.layout
    limb = next(joints for joints in layout.part_indices.values() if layout.root not in joints)
    above = next(layout.tree_parents[joint] for joint in limb if layout.tree_parents[joint] not in limb)
    assert torch.equal(xyz[..., list(limb), :], batch.xyz[..., [above] * len(limb), :])
    others = [joint for joint in range(layout.num_joints) if joint not in limb]
    assert torch.equal(xyz[..., others, :], batch.xyz[..., others, :])


@pytest.mark.parametrize("severity", SEVERITIES)
def test_spans_are_as_long_as_they_say_and_hold_those_of_lower_severities(severity: int) -> None:
    batch = ragged_batch()
    hidden = LimbOcclusion(severity).sample(batch, GENERATOR)["hidden"]
    wanted = LimbOcclusion.levels[severity - 1] * batch.length[:, None]
    assert ((hidden.sum(dim=2) - wanted).abs() <= 1).all()
    if severity > 1:
        assert hidden[LimbOcclusion(severity - 1).sample(batch, GENERATOR)["hidden"]].all()


def test_jitter_is_a_share_of_the_body() -> None:
    batch = motion_batch()
    noise = (corrupted(Jitter, batch, 3).xyz - batch.xyz)[:, 0]
    torch.testing.assert_close(noise.std(dim=(1, 2, 3)) / body_size(batch), torch.full((12,), 0.08), atol=4e-3, rtol=0)
    larger = corrupted(Jitter, batch.with_xyz(10 * batch.xyz), 3).xyz
    torch.testing.assert_close(larger, 10 * corrupted(Jitter, batch, 3).xyz, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("layout", Layout.names())
def test_swapping_twice_changes_nothing(layout: str) -> None:
    batch = ragged_batch(layout)
    swap = LeftRightSwap(3)
    draws = swap.sample(batch, GENERATOR)
    once = swap.apply(batch, draws)
    assert not torch.equal(once.xyz, batch.xyz)
    assert torch.equal(swap.apply(once, draws).xyz, batch.xyz)
    whole = corrupted(LeftRightSwap, batch, 5).xyz
    assert torch.equal(whole, batch.xyz[..., list(batch.layout.mirror), :])


def test_time_runs_forward_between_the_same_ends() -> None:
    batch = motion_batch()
    clock = torch.arange(48.0)[:, None, None].expand_as(batch.xyz)
    moved = corrupted(TimeWarp, batch.with_xyz(clock), 5).xyz[:, 0, :, 0, 0]
    assert (moved.diff(dim=1) > -1e-3).all()
    torch.testing.assert_close(moved[:, [0, -1]], torch.tensor([[0.0, 47.0]]).expand(12, 2))
    assert 1.5 < moved.diff(dim=1).max() < 2.01


@pytest.mark.parametrize("layout", ["kinect25", "coco17"])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_camera_goes_round_the_bodies(layout: str, severity: int) -> None:
    batch = ragged_batch(layout, channels_of(layout))
    turned = corrupted(ViewRotation, batch, severity)
    old, new = (b.xyz[b.present].flatten(0, 1) for b in (batch, turned))
    if layout == "kinect25":
        torch.testing.assert_close(new[:, 1], old[:, 1])
    for clip in range(len(batch)):
        before, after = (b.xyz[clip][b.present[clip]].flatten(0, 1) for b in (batch, turned))
        torch.testing.assert_close(after.mean(dim=0), before.mean(dim=0), atol=1e-5, rtol=0)
        ground = [0, 2] if layout == "kinect25" else [0, 1]
        one, other = ((points - points.mean(dim=0))[:, ground] for points in (before, after))
        cosine = (one * other).sum() / one.square().sum()
        assert math.isclose(cosine, math.cos(ViewRotation.levels[severity - 1]), abs_tol=1e-4)


def test_no_depth_is_left_of_a_projection() -> None:
    batch = ragged_batch()
    flat = corrupted(Projection, batch, 5).xyz
    assert not flat[..., 2].any()
    assert torch.equal(flat[..., :2], batch.xyz[..., :2])
    torch.testing.assert_close(corrupted(Projection, batch, 2).xyz[..., 2], 0.6 * batch.xyz[..., 2])
    pictures = ragged_batch("coco17", 2)
    assert not Projection.acts_on(pictures.layout, 2)
    assert torch.equal(corrupted(Projection, pictures, 5).xyz, pictures.xyz)


def test_depth_follows_the_vertical_axis() -> None:
    batch = ragged_batch()
    plain = batch.layout.to_dict() | {"up": "+z"}
    upright = batch.with_xyz(batch.xyz, Layout.from_dict(plain))
    flat = corrupted(Projection, upright, 5).xyz
    assert not flat[..., 1].any()
    assert torch.equal(flat[..., [0, 2]], batch.xyz[..., [0, 2]])
    torch.testing.assert_close(corrupted(ViewRotation, upright, 4).xyz[..., 2], batch.xyz[..., 2])


@pytest.mark.parametrize("layout", Layout.names())
def test_a_reduced_layout_keeps_the_root_and_both_sides(layout: str) -> None:
    batch = ragged_batch(layout)
    before: set[int] = set()
    for severity in SEVERITIES:
        moved = (corrupted(LayoutReduction, batch, severity).xyz != batch.xyz).any(dim=-1).flatten(0, 2).any(dim=0)
        lost = set(moved.nonzero().flatten().tolist())
        assert before <= lost
        assert batch.layout.root not in lost
        assert {batch.layout.mirror[joint] for joint in lost} == lost
        before = lost


def test_hands_and_feet_are_missing_first() -> None:
    batch = ragged_batch("kinect20")
    moved = (corrupted(LayoutReduction, batch, 2).xyz != batch.xyz).flatten(0, 2).any(dim=2).any(dim=0)
    lost = {batch.layout.joints[joint] for joint in moved.nonzero().flatten().tolist()}
    assert lost == {"left_hand", "right_hand", "left_foot", "right_foot"}


def test_pipelines_corrupt_after_resizing_and_before_streams() -> None:
    clips = small_store(num_clips=6).gather(range(6))
    prepare = Preparation(window=16, bodies=1)
    joints = Jitter(3)(eval_pipeline(prepare)(clips, GENERATOR), GENERATOR)
    for stream, change in (("joint", None), ("bone", Bone()), ("motion", Motion())):
        wanted = change(joints, GENERATOR) if change else joints
        found = eval_pipeline(prepare.with_changes(stream=stream), Jitter(3))(clips, GENERATOR)
        assert torch.equal(found.xyz, wanted.xyz)


def test_views_of_training_are_corrupted_before_they_are_augmented() -> None:
    clips = small_store(num_clips=6).gather(range(6))
    prepare, augment = (
        Preparation(window=16, bodies=1),
        Augmentation(keep=(1.0, 1.0), rotation=(0.0, 0.0, 0.0), mirror=1.0),
    )
    plain, corrupted = train_pipeline(prepare, augment), train_pipeline(prepare, augment, LeftRightSwap(5))
    mirror = list(small_store(num_clips=1).layout.mirror)
    assert torch.equal(corrupted(clips, GENERATOR).xyz, plain(clips, GENERATOR).xyz[..., mirror, :])
