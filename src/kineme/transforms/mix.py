"""Skeleton mix: parts of one clip in another, by CutMix, ResizeMix or MixUp (ActCLR; spec-contrastive §8)."""

from dataclasses import replace
from functools import cache

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.adain import partner_shift, partners
from kineme.transforms.base import Draws, Transform, integers, uniform

CHUNK = 4
"""Frames of a chunk, the unit in which windows are drawn: a time slot of ST-GCN."""


class SkeletonMix(Transform[ClipBatch, ClipBatch]):
    """Mix every clip with its partner, another clip of the batch; one draw for the whole batch.

    Half of the batches are cut: some body parts in a window of time are the partner's. A quarter are resized: the
    same, and the window shows the first frames of the partner, twice as many, at double speed. A quarter are blended
    as a whole.

    Args:
        parts: least and most body parts that are drawn.
        chunks: least and most chunks of the window; a clip may have fewer.
    """

    def __init__(self, parts: tuple[int, int] = (2, 3), chunks: tuple[int, int] = (3, 5)) -> None:
        self.parts, self.chunks = parts, chunks

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``parts`` (P,) bool, ``branch`` and ``weight`` () in 0 to 1, ``shift``, ``chunks`` and ``start`` () int64."""
        like, there = clips.xyz, max(clips.xyz.shape[2] // CHUNK, 1)
        order = uniform((len(clips.layout.parts),), 0.0, 1.0, generator, like).argsort()
        chunks = _between(*self.chunks, generator, like).clamp(max=there)
        place, branch, weight = uniform((3,), 0.0, 1.0, generator, like)
        return {
            "shift": partner_shift(clips, generator),
            "parts": order.argsort() < _between(*self.parts, generator, like),
            "chunks": chunks,
            "start": (place * (there - chunks + 1)).long(),
            "branch": branch,
            "weight": weight,
        }

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        T = clips.xyz.shape[2]
        partner, frames = partners(len(clips), draws["shift"]), _source_frames(T, draws)
        _, share = mixed_cells(clips.layout, T, draws)
        others = clips.xyz.index_select(0, partner).index_select(2, frames)
        seen = clips.present.index_select(0, partner).index_select(2, frames) & share.any(dim=1)
        xyz = clips.xyz.lerp(others, share[:, :, None].to(clips.xyz))
        return replace(clips, xyz=xyz, present=clips.present | seen)


def mixed_cells(layout: Layout, frames: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """How much of each cell the partner gives and the clip loses, 0 to 1: (T, V) each.

    They differ where a clip was resized: the window then shows the partner's chosen joints over all of its time, as
    the published weights of mixed keys have it.
    """
    joints = (draws["parts"][:, None] & _members(layout).to(draws["parts"].device)).any(dim=0)
    step = _step(frames, draws)
    inside = (step >= 0) & (step < CHUNK * draws["chunks"])
    is_blend, is_resize = draws["branch"] <= 0.25, (draws["branch"] > 0.25) & (draws["branch"] <= 0.5)
    pasted = (inside[:, None] & joints).to(draws["weight"])
    lost = torch.where(is_blend, draws["weight"], pasted)
    return torch.where(is_resize, joints.to(lost).expand_as(lost), lost), lost


def _between(low: int, high: int, generator: Generator, like: Tensor) -> Tensor:
    """() int64, both ends included."""
    return low + integers((), high - low + 1, generator, like)


def _step(frames: int, draws: Draws) -> Tensor:
    """(T,) int64 frames since the window began."""
    return torch.arange(frames, device=draws["start"].device) - CHUNK * draws["start"]


def _source_frames(frames: int, draws: Draws) -> Tensor:
    """(T,) int64 frames of the partner that are shown; where a clip is resized, the nearest to what the window asks."""
    window = CHUNK * draws["chunks"]
    squeezed = _step(frames, draws) * (2 * window).clamp(max=frames) // window
    is_resize = (draws["branch"] > 0.25) & (draws["branch"] <= 0.5)
    return torch.where(is_resize, squeezed, torch.arange(frames, device=window.device)).clamp(0, frames - 1)


@cache
def _members(layout: Layout) -> Tensor:
    """(P, V) bool: which joints belong to a part."""
    members = torch.zeros(len(layout.parts), layout.num_joints, dtype=torch.bool)
    for row, joints in zip(members, layout.part_indices.values(), strict=True):
        row[list(joints)] = True
    return members
