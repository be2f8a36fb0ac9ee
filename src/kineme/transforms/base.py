"""What a transform is: a draw and an arithmetic, kept apart.

`sample` makes every random decision; `apply` is deterministic. Injecting draws replays a run, proves parity with
other code, and shows what a model saw.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch, RaggedClips

Draws = Mapping[str, Tensor]
In = TypeVar("In", RaggedClips, ClipBatch)
Out = TypeVar("Out", RaggedClips, ClipBatch)

NO_DRAWS: Draws = {}


class Transform(Generic[In, Out]):
    """Batched change of clips on their own device."""

    def sample(self, clips: In, generator: Generator) -> Draws:
        """Random decisions for a batch; none by default."""
        return NO_DRAWS

    def apply(self, clips: In, draws: Draws) -> Out:
        """The transformed batch; a function of its arguments alone."""
        raise NotImplementedError

    def __call__(self, clips: In, generator: Generator) -> Out:
        return self.apply(clips, self.sample(clips, generator))


class Pipeline:
    """From addresses in a store to a dense batch: ragged transforms, one sampler of frames, dense transforms."""

    def __init__(
        self,
        ragged: Sequence[Transform[RaggedClips, RaggedClips]],
        frames: Transform[RaggedClips, ClipBatch],
        dense: Sequence[Transform[ClipBatch, ClipBatch]] = (),
    ) -> None:
        self.ragged, self.frames, self.dense = tuple(ragged), frames, tuple(dense)

    def __call__(self, clips: RaggedClips, generator: Generator) -> ClipBatch:
        batch = self.frames(in_turn(self.ragged, clips, generator), generator)
        return in_turn(self.dense, batch, generator)


def in_turn(transforms: Sequence[Transform[In, In]], clips: In, generator: Generator) -> In:
    """One transform after the other."""
    for transform in transforms:
        clips = transform(clips, generator)
    return clips


def uniform(shape: Sequence[int], low: float, high: float, generator: Generator, like: Tensor) -> Tensor:
    """U(low, high) on the generator's device, moved to where ``like`` lives."""
    draw = torch.rand(tuple(shape), generator=generator, device=generator.device)
    return (low + (high - low) * draw).to(like.device)


def normal(shape: Sequence[int], generator: Generator, like: Tensor) -> Tensor:
    """N(0, 1) on the generator's device, moved to where ``like`` lives."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device).to(like.device)


def integers(shape: Sequence[int], end: int, generator: Generator, like: Tensor) -> Tensor:
    """Uniform int64 from 0 to ``end`` (exclusive) on the generator's device, moved to where ``like`` lives."""
    return torch.randint(end, tuple(shape), generator=generator, device=generator.device).to(like.device)


def coin(clips: ClipBatch, probability: float, generator: Generator) -> Tensor:
    """(B,) bool, true for a share of the clips: one draw per clip, for all its bodies."""
    return uniform((len(clips),), 0.0, 1.0, generator, clips.xyz) < probability
