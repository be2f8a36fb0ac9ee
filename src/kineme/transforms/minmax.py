"""Coordinates between -1 and 1, clip by clip (AgRNet)."""

from dataclasses import replace

import torch
from torch import Tensor

from kineme.clips import Pose, RaggedClips
from kineme.transforms.base import Draws, Transform


class MinMax(Transform[RaggedClips, RaggedClips]):
    """Map each clip's coordinates to [-1, 1], axis by axis, by their extremes over the clip (spec-agrnet §3.2).

    Extremes are over all frames and joints of the bodies that are read, where these are present. An axis along which
    nothing differs becomes 0, where the authors divide by zero. Where a body is in the room, and its size, are lost.

    Args:
        max_bodies: M, bodies that are read.
    """

    def __init__(self, max_bodies: int) -> None:
        self.max_bodies = max_bodies

    def apply(self, clips: RaggedClips, draws: Draws) -> RaggedClips:
        low, high = _extremes(clips, self.max_bodies)
        span = high - low
        wide = span >= torch.finfo(span.dtype).tiny
        middle, scale = torch.where(wide, (low + high) / 2, 0), torch.where(wide, 2 / span, 0)
        return replace(clips, pose=_scaled(clips.pose, middle, scale))


def _scaled(pose: Pose, middle: Tensor, scale: Tensor) -> Pose:
    """A pose, which may turn but not scale, followed by x -> scale (x - middle), (B, C) each."""
    matrix = torch.diag_embed(scale)
    if pose.rotation is not None:
        middle, matrix = (pose.rotation.mT @ middle[..., None]).squeeze(-1), matrix @ pose.rotation
    return Pose(middle if pose.offset is None else pose.offset + middle, matrix)


def _extremes(clips: RaggedClips, max_bodies: int) -> tuple[Tensor, Tensor]:
    """Smallest and largest coordinates (B, C) in the clips' pose; infinite where nobody is present."""
    rows, clip = _present_rows(clips, max_bodies)
    xyz = _posed(clips.take(rows), clips.pose, clip)
    shape, clip = (len(clips), *xyz.shape[1:]), clip[:, None, None].expand_as(xyz)
    # Frames before joints: reducing rows as wide as they are is far cheaper than reducing over an inner axis.
    low = xyz.new_full(shape, torch.inf).scatter_reduce(0, clip, xyz, "amin").amin(dim=1)
    high = xyz.new_full(shape, -torch.inf).scatter_reduce(0, clip, xyz, "amax").amax(dim=1)
    return low, high


def _present_rows(clips: RaggedClips, max_bodies: int) -> tuple[Tensor, Tensor]:
    """Rows (N,) of all clips, one clip after the other, in which a body is present, and the clip (N,) of each."""
    count = clips.bodies.clamp(max=max_bodies) * clips.length
    clip = torch.repeat_interleave(count)
    rows = torch.arange(len(clip), device=clip.device) + (clips.start - count.cumsum(0) + count)[clip]
    seen = clips.present[rows]
    return rows[seen], clip[seen]


def _posed(xyz: Tensor, pose: Pose, clip: Tensor) -> Tensor:
    """Body-frames (N, V, C) in the pose of their clips (N,)."""
    own = Pose(*(None if part is None else part[clip] for part in (pose.offset, pose.rotation)))
    return own.apply(xyz[:, None, None], xyz.new_ones(len(xyz), 1, 1)).view_as(xyz)
