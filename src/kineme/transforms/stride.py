"""Whole clips at a fixed number of frames without blending any: every s-th frame, or zeros at the end (AgRNet)."""

import torch

from kineme.clips import ClipBatch, RaggedClips
from kineme.transforms.base import Draws, Transform
from kineme.transforms.frames import valid_frames


class Stride(Transform[RaggedClips, ClipBatch]):
    """Every s-th frame from the first on, s = T // window; the authors' rule (spec-agrnet §3.3).

    Frames after the last multiple of s are lost: of 99 frames, a window of 50 shows the first 50. A clip shorter than
    the window keeps its frames and ends in zeros, where its bodies are absent; ``length`` tells how many are its own.

    Args:
        window: T of the result.
        max_bodies: M.
        count_seen: what the whole clip is (see `valid_frames`).
    """

    def __init__(self, window: int, max_bodies: int, *, count_seen: bool = False) -> None:
        self.window, self.max_bodies, self.count_seen = window, max_bodies, count_seen

    def apply(self, clips: RaggedClips, draws: Draws) -> ClipBatch:
        valid = valid_frames(clips, self.count_seen)[:, None]
        frame = torch.arange(self.window, device=valid.device) * (valid // self.window).clamp(min=1)
        inside = frame < valid
        rows, exists = clips.rows(torch.where(inside, frame, 0), self.max_bodies)
        present = clips.present[rows] & exists[:, :, None] & inside[:, None, :]
        xyz = clips.take(rows).mul_(present[..., None, None])
        xyz = clips.pose.apply(xyz, present.to(xyz.dtype))
        return ClipBatch(xyz, present, inside.sum(dim=1), clips.index, clips.label, clips.layout)
