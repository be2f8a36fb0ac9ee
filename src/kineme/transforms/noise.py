"""Random loss of detail: noise, blur and missing coordinates (spec-contrastive §2).

All three change absent bodies as they change present ones, as the field does: noise is added to their zeros. What is
absent is told by `ClipBatch.present`, which stays as it is.
"""

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.transforms.base import Draws, Transform, coin, normal, uniform

RADIUS = 7
"""Frames to either side that a blur reaches."""


class GaussianNoise(Transform[ClipBatch, ClipBatch]):
    """Add noise to every coordinate in a share of the clips.

    Args:
        std: standard deviation, in the layout's unit.
        probability: share of clips that are changed.
    """

    def __init__(self, std: float = 0.01, probability: float = 0.5) -> None:
        self.std, self.probability = std, probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``noise`` (B, M, T, V, C), zero where a clip stays as it is."""
        std = self.std * coin(clips, self.probability, generator)
        return {"noise": normal(clips.xyz.shape, generator, clips.xyz).mul_(std.view(-1, 1, 1, 1, 1))}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(clips.xyz + draws["noise"].to(clips.xyz))


class GaussianBlur(Transform[ClipBatch, ClipBatch]):
    """Weighted sum of every frame and the seven on either side, in a share of the clips; beyond the ends is zero.

    Args:
        probability: share of clips that are changed.
        normalise: let the weights add up to one. Published code does not, which makes a clip up to five times
            larger: the wider the blur, the larger.
        sigma: interval of the blur's width, in frames.
    """

    def __init__(
        self, probability: float = 0.5, *, normalise: bool = False, sigma: tuple[float, float] = (0.1, 2.0)
    ) -> None:
        self.probability, self.normalise, self.sigma = probability, normalise, sigma

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``sigma`` (B,) in frames, 0 where a clip stays as it is."""
        sigma = uniform((len(clips),), *self.sigma, generator, clips.xyz)
        return {"sigma": sigma * coin(clips, self.probability, generator)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        B, M, T, V, C = clips.xyz.shape
        matrix = self._matrix(draws["sigma"].double(), T).to(clips.xyz)
        # A product with a banded T x T matrix is far cheaper than fifteen passes over the clips.
        xyz = matrix[:, None].expand(B, M, T, T) @ clips.xyz.reshape(B, M, T, V * C)
        return clips.with_xyz(xyz.view_as(clips.xyz))

    def _matrix(self, sigma: Tensor, frames: int) -> Tensor:
        """(B, T, T) weights of frames in frames; the identity where sigma is 0."""
        step = torch.arange(max(frames, RADIUS + 1), device=sigma.device)
        # The tiny width is for a division that stays finite: exp(-inf) is the zero that is wanted.
        taps = torch.exp(-step.square() / (2 * sigma.clamp(min=1e-6).square()[:, None])) * (step <= RADIUS)
        if self.normalise:
            taps = taps / (taps[:, :1] + 2 * taps[:, 1:].sum(dim=1, keepdim=True))
        distance = (step[:frames, None] - step[None, :frames]).abs()
        return taps[:, distance]


class PointDropout(Transform[ClipBatch, ClipBatch]):
    """Set single coordinates to zero in a share of the clips.

    Args:
        rate: share of the coordinates.
        probability: share of clips that are changed.
    """

    def __init__(self, rate: float = 0.5, probability: float = 1.0) -> None:
        self.rate, self.probability = rate, probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``keep`` (B, M, T, V, C) bool."""
        rate = self.rate * coin(clips, self.probability, generator)
        drawn = uniform(clips.xyz.shape, 0.0, 1.0, generator, clips.xyz)
        return {"keep": drawn >= rate.view(-1, 1, 1, 1, 1)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(clips.xyz * draws["keep"])
