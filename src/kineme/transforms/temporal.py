"""Random changes of time: which moment a frame of the window shows (spec-contrastive §2)."""

from dataclasses import replace

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.transforms.base import Draws, Transform, coin, integers, uniform


class CropReflect(Transform[ClipBatch, ClipBatch]):
    """A window of the clip's own length out of the clip with its ends reflected, border frames repeated.

    Args:
        ratio: T // ratio frames are added at each end.
    """

    def __init__(self, ratio: int = 6) -> None:
        self.ratio = ratio

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``start`` (B,) int64: first frame of the window, negative where it lies in the reflected part."""
        added = clips.xyz.shape[2] // self.ratio
        return {"start": integers((len(clips),), 2 * added + 1, generator, clips.xyz) - added}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        T = clips.xyz.shape[2]
        frame = draws["start"][:, None] + torch.arange(T, device=clips.xyz.device)
        frame = torch.where(frame < 0, -frame - 1, frame)
        return _take_frames(clips, torch.where(frame < T, frame, 2 * T - 1 - frame))


class TemporalFlip(Transform[ClipBatch, ClipBatch]):
    """Let a share of the clips run backwards.

    Args:
        probability: share of clips that are changed.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``reversed`` (B,) bool."""
        return {"reversed": coin(clips, self.probability, generator)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        T = clips.xyz.shape[2]
        frame = torch.arange(T, device=clips.xyz.device)
        return _take_frames(clips, torch.where(draws["reversed"][:, None], T - 1 - frame, frame))


class Stretch(Transform[ClipBatch, ClipBatch]):
    """Resize a share of the clips along time to half to one and a half times T frames, and keep T of them.

    What lies beyond T is cut; where frames are missing at the end, coordinates are zero and bodies absent.

    Args:
        probability: share of clips that are changed.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``frames`` (B,) int64 that each clip is resized to; T where it stays as it is."""
        T = clips.xyz.shape[2]
        frames = (T * uniform((len(clips),), 0.5, 1.5, generator, clips.xyz)).long().clamp(min=1)
        return {"frames": torch.where(coin(clips, self.probability, generator), frames, T)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        T = clips.xyz.shape[2]
        step = torch.arange(T, device=clips.xyz.device)
        inside = step < draws["frames"][:, None]
        source = ((step + 0.5) * (T / draws["frames"][:, None].double()) - 0.5).clamp(0, T - 1)
        first = source.long()
        weight = ((source - first) * inside).to(clips.xyz)[:, None, :, None, None]
        now, later = _take_frames(clips, first), _take_frames(clips, (first + 1).clamp(max=T - 1))
        xyz = now.xyz.lerp_(later.xyz, weight).mul_(inside[:, None, :, None, None])
        present = (now.present | (later.present & (weight[..., 0, 0] > 0))) & inside[:, None, :]
        return replace(clips, xyz=xyz, present=present, length=torch.minimum(clips.length, draws["frames"]))


def _take_frames(clips: ClipBatch, frame: Tensor) -> ClipBatch:
    """The clips with their frames in another order: ``frame`` is (B, T) int64."""
    B, M, T = clips.present.shape
    track = torch.arange(B * M, device=frame.device).view(B, M, 1) * T
    rows = (track + frame[:, None, :]).flatten()
    xyz = clips.xyz.reshape(B * M * T, -1).index_select(0, rows).view_as(clips.xyz)
    return replace(clips, xyz=xyz, present=clips.present.reshape(-1)[rows].view(B, M, T))
