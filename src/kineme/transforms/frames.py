"""Choosing frames of a clip and resampling them to a fixed window: the one place where coordinates leave the store.

Rules of the field's feeder (spec-masked §1.4, golden ``feeder.npz``): a random part of the clip in training, its
centre in testing, then linear interpolation with half-pixel centres.
"""

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch, RaggedClips
from kineme.transforms.base import Draws, Transform


def resample(clips: RaggedClips, start: Tensor, length: Tensor, window: int, max_bodies: int) -> ClipBatch:
    """Frames ``[start, start + length)`` of each clip, resized to ``window`` frames.

    Args:
        start, length: (B,) int64.
        window: T of the result.
        max_bodies: M of the result; bodies beyond it are left out, missing ones are absent.

    Returns:
        Batch in the clips' canonical pose (see `Canonical`); zero where absent.
    """
    first, second, weight = _interpolation(start, length, window)
    rows, exists = clips.rows(first, max_bodies)
    next_rows, _ = clips.rows(second, max_bodies)
    weight = weight[:, None, :].to(clips.xyz.dtype)
    present = (clips.present[rows] & exists[..., None]).to(weight.dtype)
    next_present = (clips.present[next_rows] & exists[..., None]).to(weight.dtype)
    seen = torch.lerp(present, next_present, weight)
    # In place, because at this size making room costs more than the arithmetic.
    xyz = clips.take(rows).lerp_(clips.take(next_rows), weight[..., None, None])
    xyz = clips.pose.apply(xyz, seen).mul_(exists[:, :, None, None, None])
    frames = torch.full_like(clips.length, window)
    return ClipBatch(xyz, seen > 0, frames, clips.index, clips.label, clips.layout)


def _interpolation(start: Tensor, length: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two (B, T) int64 source frames per output frame and the (B, T) weight of the second."""
    step = torch.arange(window, device=start.device, dtype=torch.float32) + 0.5
    scale = length.to(torch.float32) / window
    source = (step * scale[:, None] - 0.5).clamp(min=0)
    first = source.floor()
    second = torch.minimum(first + 1, length[:, None] - 1)
    return start[:, None] + first.long(), start[:, None] + second.long(), source - first


def crop_length(valid: Tensor, fraction: Tensor, min_frames: int) -> Tensor:
    """Frames kept of clips with ``valid`` frames when a ``fraction`` is wanted: (B,) int64."""
    wanted = (valid * fraction).floor().long().clamp(min=min_frames)
    return torch.minimum(wanted, valid)


def valid_frames(clips: RaggedClips, count_seen: bool) -> Tensor:
    """Frames of each clip that are its own, from the first on: (B,) int64.

    Args:
        clips: B clips.
        count_seen: as many as the first body is seen in, as contrastive methods count them (spec-contrastive §1.2).
            It is a number and not a place: a clip with a gap inside loses as many frames at its end, which are
            seen. A clip whose first body is never seen stays whole.
    """
    if not count_seen:
        return clips.length
    frame = torch.arange(int(clips.length.max()), device=clips.start.device)
    inside = frame < clips.length[:, None]
    seen = (clips.present[clips.start[:, None] + torch.where(inside, frame, 0)] & inside).sum(dim=1)
    return torch.where(seen > 0, seen, clips.length)


class RandomCrop(Transform[RaggedClips, ClipBatch]):
    """Random part of the clip, resized to the window (training).

    Args:
        window: T.
        max_bodies: M.
        keep: interval of the fraction that is kept.
        min_frames: keep at least so many frames, or the whole clip where it is shorter.
        count_seen: what the whole clip is (see `valid_frames`).
    """

    def __init__(
        self,
        window: int,
        max_bodies: int,
        keep: tuple[float, float] = (0.5, 1.0),
        min_frames: int = 64,
        *,
        count_seen: bool = False,
    ) -> None:
        self.window, self.max_bodies, self.keep, self.min_frames = window, max_bodies, keep, min_frames
        self.count_seen = count_seen

    def sample(self, clips: RaggedClips, generator: Generator) -> Draws:
        """``start`` and ``length``, (B,) int64 each."""
        draw = torch.rand(2, len(clips), generator=generator, device=generator.device, dtype=torch.float64)
        fraction, place = draw.to(clips.length.device)
        low, high = self.keep
        valid = valid_frames(clips, self.count_seen)
        length = crop_length(valid, low + (high - low) * fraction, self.min_frames)
        return {"start": (place * (valid - length + 1)).floor().long(), "length": length}

    def apply(self, clips: RaggedClips, draws: Draws) -> ClipBatch:
        return resample(clips, draws["start"], draws["length"], self.window, self.max_bodies)


class CentreCrop(Transform[RaggedClips, ClipBatch]):
    """Central part of the clip, resized to the window (testing).

    Args:
        window: T.
        max_bodies: M.
        keep: fraction of the clip that is kept.
        count_seen: what the whole clip is (see `valid_frames`).
    """

    def __init__(self, window: int, max_bodies: int, keep: float = 0.95, *, count_seen: bool = False) -> None:
        self.window, self.max_bodies, self.keep, self.count_seen = window, max_bodies, keep, count_seen

    def apply(self, clips: RaggedClips, draws: Draws) -> ClipBatch:
        valid = valid_frames(clips, self.count_seen)
        margin = ((1 - self.keep) * valid.double() / 2).long()
        return resample(clips, margin, valid - 2 * margin, self.window, self.max_bodies)
