"""Canonical pose: where the body stands and which way it faces, taken out of a clip by its first frame."""

from dataclasses import replace

import torch
from torch import Tensor

from kineme.clips import Pose, RaggedClips
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform


class Canonical(Transform[RaggedClips, RaggedClips]):
    """Move the first body's origin to zero and, if asked, turn it to face the viewer.

    Both are read from the first frame in which the first body is present, and hold for all bodies and frames of
    the clip, so that movement through the room and between persons is kept.

    Args:
        centre: subtract the origin (the layout's origin joints; spec-masked §1.2 step 3).
        yaw: turn about the vertical so that the line from the left to the right hip points along the first
            horizontal axis.
    """

    def __init__(self, *, centre: bool = True, yaw: bool = False) -> None:
        self.centre, self.yaw = centre, yaw

    def apply(self, clips: RaggedClips, draws: Draws) -> RaggedClips:
        body = clips.xyz[first_rows(clips)]
        origin = body[:, clips.layout.indices(clips.layout.origin)].mean(dim=1)
        pose = Pose(
            offset=origin if self.centre else None,
            rotation=_facing(body, clips.layout) if self.yaw else None,
        )
        return replace(clips, pose=pose)


def first_rows(clips: RaggedClips) -> Tensor:
    """(B,) rows in which the first body of each clip is seen first; its first row where it never is."""
    frame = torch.arange(int(clips.length.max()), device=clips.start.device)
    inside = frame < clips.length[:, None]
    seen = clips.present[clips.start[:, None] + torch.where(inside, frame, 0)] & inside
    return clips.start + seen.int().argmax(dim=1)


def _facing(body: Tensor, layout: Layout) -> Tensor:
    """(B, 3, 3) rotations about the vertical that bring each (V, 3) body's hips parallel to the first axis."""
    if body.shape[-1] != 3:
        raise LayoutError(
            f"yaw alignment needs 3 coordinates per joint, clips of {layout.name} have {body.shape[-1]}; "
            f"switch it off with --prepare.no-yaw"
        )
    up = "xyz".index(layout.up[1])
    first, second = (axis for axis in range(3) if axis != up)
    left, right = layout.indices(layout.across)
    across = (body[:, right] - body[:, left])[:, [first, second]]
    norm = across.norm(dim=1, keepdim=True)
    forward = torch.tensor([1.0, 0.0], device=body.device)
    cos, sin = torch.where(norm > 1e-6, across / norm.clamp(min=1e-6), forward).unbind(1)
    rotation = torch.eye(3, device=body.device).repeat(len(body), 1, 1)
    rotation[:, first, first], rotation[:, first, second] = cos, sin
    rotation[:, second, first], rotation[:, second, second] = -sin, cos
    return rotation
