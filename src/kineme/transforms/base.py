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
        for transform in self.ragged:
            clips = transform(clips, generator)
        batch = self.frames(clips, generator)
        for transform in self.dense:
            batch = transform(batch, generator)
        return batch


def uniform(shape: Sequence[int], low: float, high: float, generator: Generator, like: Tensor) -> Tensor:
    """U(low, high) on the generator's device, moved to where ``like`` lives."""
    draw = torch.rand(tuple(shape), generator=generator, device=generator.device)
    return (low + (high - low) * draw).to(like.device)
