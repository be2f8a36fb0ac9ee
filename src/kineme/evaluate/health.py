"""Whether features carry anything, looked at before a probe is trained on them."""

from dataclasses import dataclass

import torch
from torch import Tensor

CLIPS_LOOKED_AT = 2048
MIN_SPREAD = 0.001
MIN_RANK = 0.02
DEAD = 1e-5


@dataclass(frozen=True)
class Health:
    """State of a set of features.

    Args:
        spread: how much clips differ: deviation over dimensions and clips, relative to the features' size.
        effective_rank: directions that carry variance (Roy and Vetterli, EUSIPCO 2007): the exponential of the
            entropy of the normalised singular values of the centred features.
        max_rank: the largest that the effective rank could be.
        dead: dimensions that are the same for all clips.
        messages: what is wrong; empty for healthy features.
    """

    spread: float
    effective_rank: float
    max_rank: int
    dead: int
    messages: tuple[str, ...]


def feature_health(features: Tensor) -> Health:
    """State of features (N, D); of large sets, of evenly spaced clips."""
    step = -(-len(features) // CLIPS_LOOKED_AT)
    x = features[::step].double()
    if not x.isfinite().all():
        return Health(0.0, 0.0, min(x.shape), 0, ("features contain NaN or infinity; the encoder diverged",))
    centred = x - x.mean(dim=0)
    size = float(x.square().mean().sqrt())
    deviation = centred.square().mean(dim=0).sqrt()
    spread = float(deviation.square().mean().sqrt()) / max(size, 1e-12)
    dead = int((deviation <= DEAD * size).sum())
    rank, max_rank = _effective_rank(centred), max(min(len(x) - 1, x.shape[1]), 1)
    return Health(spread, rank, max_rank, dead, tuple(_messages(spread, rank, max_rank, dead, x.shape[1])))


def _effective_rank(centred: Tensor) -> float:
    share = torch.linalg.svdvals(centred)
    share = share[share > 0]
    share = share / share.sum()
    return float((-(share * share.log()).sum()).exp()) if len(share) else 0.0


def _messages(spread: float, rank: float, max_rank: int, dead: int, width: int) -> list[str]:
    messages = []
    if spread < MIN_SPREAD:
        messages.append(f"features collapsed: clips differ by {spread:.2%} of the features' size")
    if rank < max(MIN_RANK * max_rank, min(1.2, 0.9 * max_rank)):
        messages.append(f"features have a low effective rank: {rank:.1f} of {max_rank} possible directions")
    if dead:
        messages.append(f"{dead} of {width} feature dimensions are the same for all clips")
    return messages
