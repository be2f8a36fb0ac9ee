"""Corruptions: what goes wrong between a body and its skeleton, at five severities (after ImageNet-C).

There is no published list for skeletons that all agree on: kinds and severities are ours. They act on clips resized to
a window, before anything that is done frame by frame, and before streams; what an alignment of whole clips did is not
undone. Draws belong to the clip and not to the severity, so what is lost at one severity is lost at the next as well.

Sensors differ in what they report of a joint that they do not see. Here a joint lost for a moment stays where it was
seen last, as trackers leave it. One that is out of sight for long lies on its nearest ancestor in sight: that place is
on the body whatever the origin of the coordinates, where zero may be metres away. Absent bodies stay absent.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from typing import ClassVar, Final

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch, rotate
from kineme.errors import ConfigError, UnknownNameError
from kineme.layout import Layout
from kineme.transforms.augment import rotation_matrix
from kineme.transforms.base import Draws, Transform
from kineme.transforms.clip_draws import clip_normal, clip_uniform

SEVERITIES: Final = (1, 2, 3, 4, 5)


class Corruption(Transform[ClipBatch, ClipBatch]):
    """Base of all corruptions. ``sample`` does not touch its generator: a clip's draws come from its store position.

    Args:
        severity: 1 to 5.
        seed: of the draws.

    Raises:
        ConfigError: another severity.
    """

    name: ClassVar[str]
    levels: ClassVar[tuple[float, ...]]
    """Strength at every severity, in `unit`."""
    unit: ClassVar[str]

    def __init__(self, severity: int, seed: int = 0) -> None:
        if severity not in SEVERITIES:
            raise ConfigError(f"severity {severity} of {self.name}: expected one of {', '.join(map(str, SEVERITIES))}")
        self.severity, self.level = severity, self.levels[severity - 1]
        self.key = f"{self.name} {seed}"

    @classmethod
    def acts_on(cls, layout: Layout, channels: int) -> bool:
        """Whether it changes anything in clips of this layout and of so many coordinates."""
        return True


class JointDrop(Corruption):
    """Joints flicker: each is lost in a share of its frames and stays where it was seen last."""

    name, levels, unit = "joint_drop", (0.1, 0.3, 0.5, 0.7, 0.9), "share of joints and frames"

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``lost`` (B, M, T, V) bool."""
        return {"lost": clip_uniform(clips.index, clips.xyz.shape[1:4], self.key) < self.level}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        present = clips.present[..., None]
        frame = _last_seen(present & ~draws["lost"], time_axis=2)
        held = clips.xyz.gather(2, frame[..., None].expand_as(clips.xyz))
        return clips.with_xyz(torch.where(present[..., None], held, clips.xyz))


class LimbOcclusion(Corruption):
    """One limb of each body is out of sight for a time and lies where it hangs on the body.

    Limbs are the layout's parts without the root.
    """

    name, levels, unit = "limb_occlusion", (0.2, 0.4, 0.6, 0.8, 1.0), "share of frames"

    @classmethod
    def acts_on(cls, layout: Layout, channels: int) -> bool:
        return bool(_limbs(layout))

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``limb`` (B, M) int64 among the limbs, and ``hidden`` (B, M, T) bool."""
        limb, place = clip_uniform(clips.index, (2, clips.xyz.shape[1]), self.key).unbind(dim=1)
        number = (limb * len(_limbs(clips.layout))).long()
        return {"limb": number, "hidden": _span(clips, self.level, place)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        shown = torch.tensor([_stand_ins(clips.layout, limb) for limb in _limbs(clips.layout)], device=clips.xyz.device)
        itself = torch.arange(shown.shape[1], device=shown.device)
        joint = torch.where(draws["hidden"][..., None], shown[draws["limb"]][:, :, None], itself)
        return clips.with_xyz(clips.xyz.gather(3, joint[..., None].expand_as(clips.xyz)))


class FrameDrop(Corruption):
    """Frames are lost, and the one before is shown again."""

    name, levels, unit = "frame_drop", (0.1, 0.3, 0.5, 0.7, 0.9), "share of frames"

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``lost`` (B, T) bool; none beyond a clip's own frames."""
        T = clips.xyz.shape[2]
        lost = clip_uniform(clips.index, (T,), self.key) < self.level
        return {"lost": lost & (torch.arange(T, device=lost.device) < clips.length[:, None])}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return _take_frames(clips, _last_seen(~draws["lost"], time_axis=1))


class Jitter(Corruption):
    """Noise on every joint and frame, N(0, level), in shares of the body's size (see `body_size`).

    A share serves clips in metres, in pictures and scaled to [-1, 1] alike; of an adult, 0.02 is about a centimetre.
    """

    name, levels, unit = "jitter", (0.02, 0.04, 0.08, 0.16, 0.32), "share of the body's size"

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``noise`` (B, M, T, V, C), in body sizes."""
        return {"noise": self.level * clip_normal(clips.index, clips.xyz.shape[1:], self.key)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        scale = body_size(clips)[:, None, None] * clips.present
        return clips.with_xyz(clips.xyz + draws["noise"].to(clips.xyz) * scale[..., None, None])


class LeftRightSwap(Corruption):
    """For a time, left joints are taken for right ones; coordinates stay as they are."""

    name, levels, unit = "left_right_swap", (0.2, 0.4, 0.6, 0.8, 1.0), "share of frames"

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``swapped`` (B, M, T) bool."""
        return {"swapped": _span(clips, self.level, clip_uniform(clips.index, clips.xyz.shape[1:2], self.key))}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        swapped = _joints(clips, clips.layout.mirror)
        return clips.with_xyz(torch.where(draws["swapped"][..., None, None], swapped, clips.xyz))


class TimeWarp(Corruption):
    """The clip runs faster here and slower there: speed is 1 + level cos(...), one wave over the clip; ends stay."""

    name, levels, unit = "time_warp", (0.2, 0.4, 0.6, 0.8, 1.0), "share of the speed"

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``phase`` (B,), radians."""
        return {"phase": 2 * math.pi * clip_uniform(clips.index, (), self.key)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        frame = self._source(clips, draws["phase"][:, None])
        first = frame.long()
        weight = (frame - first).to(clips.xyz)[:, None, :]
        now, later = _take_frames(clips, first), _take_frames(clips, (first + 1).clamp(max=frame.shape[1] - 1))
        present = (now.present & (weight < 1)) | (later.present & (weight > 0))
        return replace(clips, xyz=now.xyz.lerp(later.xyz, weight[..., None, None]), present=present)

    def _source(self, clips: ClipBatch, phase: Tensor) -> Tensor:
        """(B, T) moment of the clip that each frame shows, in frames."""
        frame = torch.arange(clips.xyz.shape[2], device=phase.device, dtype=phase.dtype)
        last = (clips.length[:, None] - 1).to(phase)
        turn = 2 * math.pi * frame / last.clamp(min=1)
        moved = frame + self.level * ((turn + phase).sin() - phase.sin()) * last / (2 * math.pi)
        return torch.where(frame < last, torch.minimum(moved.clamp(min=0), last), frame)


class ViewRotation(Corruption):
    """The camera has gone round the bodies, to either side; before clips without depth it has been rolled."""

    name, unit = "view_rotation", "radians"
    levels = (math.pi / 12, math.pi / 6, math.pi / 4, math.pi / 3, math.pi / 2)

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``angle`` (B,), radians."""
        return {"angle": torch.where(clip_uniform(clips.index, (), self.key) < 0.5, -self.level, self.level)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        C = clips.xyz.shape[-1]
        axis = _vertical(clips.layout) if C == 3 else 2
        angles = draws["angle"][:, None] * (torch.arange(3, device=clips.xyz.device) == axis)
        centre = _centre(clips)[:, None, None, None] * clips.present[..., None, None]
        turned = rotate(clips.xyz - centre, rotation_matrix(angles)[:, :C, :C].to(clips.xyz))
        return clips.with_xyz(turned + centre)


class Projection(Corruption):
    """From 3D to 2D: depth shrinks towards zero, and is zero at the last severity, as in clips made of pictures."""

    name, levels, unit = "projection", (0.2, 0.4, 0.6, 0.8, 1.0), "share of the depth"

    @classmethod
    def acts_on(cls, layout: Layout, channels: int) -> bool:
        return channels == 3

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        # x goes to the right in all layouts, so depth is what is neither that nor vertical.
        depth = torch.arange(clips.xyz.shape[-1], device=clips.xyz.device) == 3 - _vertical(clips.layout)
        return clips.with_xyz(clips.xyz * torch.where(depth, 1 - self.level, 1.0).to(clips.xyz))


class LayoutReduction(Corruption):
    """A coarser skeleton: outer joints (hands, feet, head; then wrists, ankles) are missing, left and right alike.

    Ends of the tree go first, those far from the root before others.
    """

    name, levels, unit = "layout_reduction", (0.1, 0.2, 0.3, 0.4, 0.5), "share of joints"

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        lost = _outermost(clips.layout)[: max(round(self.level * clips.layout.num_joints), 1)]
        both = {*lost, *(clips.layout.mirror[joint] for joint in lost)}
        return clips.with_xyz(_joints(clips, _stand_ins(clips.layout, both)))


_KINDS: Final = (
    JointDrop,
    LimbOcclusion,
    FrameDrop,
    Jitter,
    LeftRightSwap,
    TimeWarp,
    ViewRotation,
    Projection,
    LayoutReduction,
)
CORRUPTIONS: Final[dict[str, type[Corruption]]] = {kind.name: kind for kind in _KINDS}
"""Names to corruptions, in the order of tables."""


def get_corruption(name: str) -> type[Corruption]:
    """Corruption by name.

    Raises:
        UnknownNameError: no such corruption.
    """
    if name not in CORRUPTIONS:
        raise UnknownNameError("corruption", name, CORRUPTIONS)
    return CORRUPTIONS[name]


def body_size(clips: ClipBatch) -> Tensor:
    """(B,) root mean square distance of joints from the middle of their body, where bodies are present."""
    away = clips.xyz - clips.xyz.mean(dim=3, keepdim=True)
    square = away.square().sum(dim=-1).mean(dim=-1) * clips.present
    return (square.sum(dim=(1, 2)) / clips.present.sum(dim=(1, 2)).clamp(min=1)).sqrt()


def _centre(clips: ClipBatch) -> Tensor:
    """(B, C) mean of all joints that are present."""
    total = (clips.xyz * clips.present[..., None, None]).sum(dim=(1, 2, 3))
    count = clips.present.sum(dim=(1, 2)).clamp(min=1) * clips.layout.num_joints
    return total / count[:, None]


def _last_seen(seen: Tensor, time_axis: int) -> Tensor:
    """Last frame in which ``seen``, up to every frame; the frame itself where there is none. int64, same shape."""
    shape = [1] * seen.dim()
    shape[time_axis] = -1
    frame = torch.arange(seen.shape[time_axis], device=seen.device).view(shape)
    last = torch.where(seen, frame, -1).cummax(dim=time_axis).values
    return torch.where(last < 0, frame, last)


def _take_frames(clips: ClipBatch, frame: Tensor) -> ClipBatch:
    """The clips with other frames in the place of theirs: ``frame`` is (B, T) int64."""
    frame = frame[:, None, :]
    xyz = clips.xyz.gather(2, frame[..., None, None].expand_as(clips.xyz))
    return replace(clips, xyz=xyz, present=clips.present.gather(2, frame.expand_as(clips.present)))


def _span(clips: ClipBatch, share: float, place: Tensor) -> Tensor:
    """(B, M, T) bool: a share of each clip's frames in a row, at places (B, M) in [0, 1); wider ones hold narrower."""
    length = clips.length[:, None, None]
    first = place[..., None] * (1 - share) * length
    middle = torch.arange(clips.xyz.shape[2], device=place.device) + 0.5
    return (middle >= first) & (middle < first + share * length)


def _joints(clips: ClipBatch, joints: Collection[int]) -> Tensor:
    """Coordinates with other joints in the place of theirs."""
    return clips.xyz.index_select(3, torch.tensor(list(joints), device=clips.xyz.device))


def _stand_ins(layout: Layout, lost: Collection[int]) -> list[int]:
    """What is shown of each joint: the nearest ancestor that is not lost, or itself. The root must not be lost."""

    def shown(joint: int) -> int:
        return shown(layout.tree_parents[joint]) if joint in lost else joint

    return [shown(joint) for joint in range(layout.num_joints)]


def _limbs(layout: Layout) -> list[tuple[int, ...]]:
    """Joints of each body part without the root."""
    return [joints for joints in layout.part_indices.values() if layout.root not in joints]


def _outermost(layout: Layout) -> list[int]:
    """All joints: first ends of the tree, then what would be ends without them; far from the root before near."""
    parents = layout.tree_parents
    depth, height = [0] * len(parents), [0] * len(parents)
    for joint in range(len(parents)):
        ancestor, steps = parents[joint], 0
        while ancestor >= 0:
            steps += 1
            height[ancestor] = max(height[ancestor], steps)
            ancestor = parents[ancestor]
        depth[joint] = steps
    return sorted(range(len(parents)), key=lambda joint: (height[joint], -depth[joint]))


def _vertical(layout: Layout) -> int:
    """Axis that points up or down."""
    return "xyz".index(layout.up[-1])
