"""Skeleton AdaIN: a clip's motion in the proportions of another body (ActCLR; spec-contrastive §8)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform, integers
from kineme.transforms.bones import bone_tree

Stream = Literal["joint", "bone", "motion"]
_TINY = 1e-5
_STD_TINY = 1e-3


def partner_shift(clips: ClipBatch, generator: Generator) -> Tensor:
    """How far on in the batch each clip's partner is: () int64, uniform in 1 to B - 2, and 1 in smaller batches."""
    return 1 + integers((), max(len(clips) - 2, 1), generator, clips.xyz)


def partners(count: int, shift: Tensor) -> Tensor:
    """Position of each clip's partner in the batch: (B,) int64; a clip that is alone is its own."""
    return (torch.arange(count, device=shift.device) + shift) % count


class SkeletonAdaIN(Transform[ClipBatch, ClipBatch]):
    """Give every body the style of the same body of its partner, another clip of the batch.

    ``joint``: every bone gets the length of the partner's in the same frame, roots stay where they are. ``bone``:
    every vector does. ``motion``: the spread over time and the mean over joints are exchanged; that one is taken over
    time and the other over joints is as published.

    Args:
        stream: what the clips hold.
    """

    def __init__(self, stream: Stream = "joint") -> None:
        self.stream: Stream = stream

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``shift`` () int64."""
        return {"shift": partner_shift(clips, generator)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        style = clips.xyz.index_select(0, partners(len(clips), draws["shift"]))
        return clips.with_xyz(_styled[self.stream](clips.xyz, style, clips.layout))


def _joint(x: Tensor, style: Tensor, layout: Layout) -> Tensor:
    """A joint is the sum of the bones on its way from the root."""
    below, bones, roots = (part.to(x) for part in bone_tree(layout))
    return roots @ x + below @ _bone(bones @ x, bones @ style, layout)


def _bone(x: Tensor, style: Tensor, layout: Layout) -> Tensor:
    return x * (_length(style) / _length(x))


def _motion(x: Tensor, style: Tensor, layout: Layout) -> Tensor:
    own = (x - x.mean(dim=3, keepdim=True)) / (x.std(dim=2, keepdim=True) + _STD_TINY)
    return own * style.std(dim=2, keepdim=True) + style.mean(dim=3, keepdim=True)


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(dim=-1, keepdim=True) + _TINY).sqrt()


_styled: dict[str, Callable[[Tensor, Tensor, Layout], Tensor]] = {"joint": _joint, "bone": _bone, "motion": _motion}
