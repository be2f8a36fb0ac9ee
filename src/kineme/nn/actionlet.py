"""Actionlets: the joints and moments of a clip that set it apart from a static anchor (spec-contrastive §8, §9).

Lin et al., "Actionlet-Dependent Contrastive Learning for Unsupervised Skeleton-Based Action Recognition", CVPR 2023.

A map gives every cell of a clip's features, body, time slot and joint, a weight from 0 to 1: (B, M, S, V).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.nn.graph import layout_adjacency
from kineme.nn.heads import pooled
from kineme.nn.moco import Projector
from kineme.nn.processes import num_processes, total

Activation = Literal["relu", "sigmoid"]
_TINY = 1e-8
_POOL_TINY = 1e-5
_SHARPNESS = 10.0


def difference_gradient(features: Tensor, anchor: Tensor, projector: Projector) -> Tensor:
    """What the features of a cell would have to do for its clip to become less like the anchor.

    A clip's embedding sees the mean over all cells, so the gradient of its negative cosine with the anchor's is the
    same in every cell: the chain rule stops at the mean, and needs no pass back through the encoder.

    Args:
        features: (B, M, S, V, D).
        anchor: (1, D') embedding.
        projector: from features to embeddings; gets no gradient.

    Returns:
        (B, D), float32 or better.
    """
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        precise = _precise(features)
        gradient = _pulled_back(pooled(precise), _precise(anchor), projector)
        return gradient / precise[0, ..., 0].numel()


def _pulled_back(mean: Tensor, anchor: Tensor, projector: Projector) -> Tensor:
    """Gradient of the negative cosine by what is projected: (B, D) and (1, D') give (B, D)."""
    first, _, second = projector
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    hidden = first(mean)
    embedding = second(hidden.relu())
    length = embedding.norm(dim=1, keepdim=True).clamp(min=_TINY)
    unit, target = embedding / length, F.normalize(anchor, dim=1)
    by_embedding = ((unit * target).sum(dim=1, keepdim=True) * unit - target) / length
    return by_embedding @ second.weight * (hidden > 0) @ first.weight


def part_map(features: Tensor, gradient: Tensor, layout: Layout) -> Tensor:
    """The authors' map: whole body parts, and nearly always 0 or 1 (spec-contrastive §8).

    Args:
        features: (B, M, S, V, D).
        gradient: (B, D) from `difference_gradient`.
        layout: its parts share one value in every slot.

    Returns:
        (B, M, S, V).
    """
    # The authors' gradient is that of the mean over the batch, and their activation a mean over channels. The tiny
    # divisor makes nearly every positive value larger than one.
    clips = len(features) * num_processes()
    values = _weighted(features, gradient).relu() / (features.shape[-1] * clips * _TINY)
    return _product(values, _part_mean(layout)).clamp(max=1)


def graph_map(features: Tensor, gradient: Tensor, layout: Layout, activation: Activation = "relu") -> Tensor:
    """The published map, smoothed over neighbouring joints; not scaled (spec-contrastive §9).

    Args:
        features: (B, M, S, V, D).
        gradient: (B, D) from `difference_gradient`.
        layout: its graph says which joints are neighbours.
        activation: of the gradient and of the weighted features.

    Returns:
        (B, M, S, V), not negative.
    """
    activate = _activations[activation]
    return _product(activate(_weighted(features, activate(gradient))), _neighbour_mean(layout))


def scaled(actionlet: Tensor) -> Tensor:
    """Maps (B, M, S, V) whose largest value in each clip is 1; those that are zero stay so."""
    largest = actionlet.amax(dim=(1, 2, 3), keepdim=True)
    return actionlet / largest.where(largest > 0, 1)


def focus_pool(features: Tensor, actionlet: Tensor) -> Tensor:
    """Mean over slots and joints by the weights of a map, then over bodies: (B, M, S, V, D) to (B, D).

    Similarity-adaptive feature pooling, SAFP.
    """
    with torch.autocast(features.device.type, enabled=False):
        precise = _precise(features)
        weighted = torch.einsum("bmsvd,bmsv->bmd", precise, actionlet.to(precise))
    return (weighted / (actionlet.sum(dim=(2, 3)).unsqueeze(-1) + _POOL_TINY)).mean(dim=1)


class RunningMean(nn.Module):
    """Average body of all clips so far: after an epoch, that of the whole data set.

    Args:
        window: T.
        joints: V.
        channels: C.
    """

    mean: Tensor
    count: Tensor

    def __init__(self, window: int, joints: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(window, joints, channels))
        self.register_buffer("count", torch.zeros(window, dtype=torch.int64))

    @torch.no_grad()
    def add(self, clips: ClipBatch) -> None:
        """Count in the bodies of these clips, and of other processes' clips, in the frames in which they were seen."""
        seen = total(clips.present.sum(dim=(0, 1)))
        self.count += seen
        summed = total((clips.xyz * clips.present[..., None, None]).sum(dim=(0, 1)))
        change = summed - self.mean * seen[:, None, None]
        self.mean += change / self.count.clamp(min=1)[:, None, None]

    def clip(self, like: ClipBatch) -> ClipBatch:
        """The average as a batch of one clip with one body."""
        one = {name: getattr(like, name)[:1] for name in ("length", "index", "label")}
        return replace(like, xyz=self.mean[None, None], present=(self.count > 0)[None, None], **one)


def blend(inside: ClipBatch, outside: ClipBatch, share: Tensor) -> ClipBatch:
    """One view where the map is 1 and another where it is 0.

    Args:
        inside, outside: views of the same clips.
        share: (B, M, T, V) from `to_frames`.
    """
    return inside.with_xyz(outside.xyz.lerp(inside.xyz, share.unsqueeze(-1).to(inside.xyz)))


def to_frames(actionlet: Tensor, frames: int) -> Tensor:
    """A map at every frame, between the slots linear and first and last at the ends: (B, M, S, V) to (B, M, T, V)."""
    return F.interpolate(actionlet, (frames, actionlet.shape[3]), mode="bilinear", align_corners=True)


def mixing_weights(actionlet: Tensor, partner: Tensor, given: Tensor, lost: Tensor) -> tuple[Tensor, Tensor]:
    """How much of a mixed clip's action is its own and how much its partner's.

    Args:
        actionlet: (B, M, S, V) of the clips before they were mixed.
        partner: (B,) int64.
        given, lost: (S, V), how much of each cell the partner gives and the clip loses.

    Returns:
        Own share and the partner's, (B,) each; their sum is 1.
    """
    weight = (_SHARPNESS * actionlet).exp()
    theirs = weight.index_select(0, partner)
    own = _share(weight, 1 - lost, _POOL_TINY)
    added = _share(theirs, given, _POOL_TINY * given.numel())
    return own / (own + added), added / (own + added)


def _share(weight: Tensor, cells: Tensor, tiny: float) -> Tensor:
    """Mean over bodies of the share of the weight (B, M, S, V) that lies in some cells (S, V): (B,)."""
    return ((weight * cells).sum(dim=(2, 3)) / (weight.sum(dim=(2, 3)) + tiny)).mean(dim=1)


def _weighted(features: Tensor, weight: Tensor) -> Tensor:
    """Sum of the channels by the weights (B, D) of their clip: (B, M, S, V, D) to (B, M, S, V)."""
    with torch.autocast(features.device.type, enabled=False):
        return torch.einsum("bmsvd,bd->bmsv", features.to(weight), weight)


def _product(values: Tensor, matrix: Tensor) -> Tensor:
    with torch.autocast(values.device.type, enabled=False):
        return values @ matrix.to(values)


def _precise(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


_activations: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "sigmoid": torch.sigmoid}


@cache
def _part_mean(layout: Layout) -> Tensor:
    """(V, V): values @ this are means over body parts."""
    mean = torch.zeros(layout.num_joints, layout.num_joints, dtype=torch.float64)
    for joints in layout.part_indices.values():
        mean[torch.tensor(joints)[:, None], torch.tensor(joints)] = 1 / len(joints)
    return mean


@cache
def _neighbour_mean(layout: Layout) -> Tensor:
    """(V, V): values @ this are means over a joint and its neighbours."""
    return torch.from_numpy(layout_adjacency(layout, "uniform")[0])
