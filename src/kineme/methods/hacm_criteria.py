"""What HA-CM's masking looks at: attention in time for one half of the slots, the joints' hierarchy for the other.

Neither learns: scores only say which tokens stay visible (spec-masked §5.4).
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from kineme.methods.mamp import mask_log_probability
from kineme.nn.poincare import pairwise_distance
from kineme.nn.transformer import init_linear

_TINY = 1e-10
_FACTOR = 4.0  # of the authors' distance; 2 in hyperbolic geometry

AttentionOver = Literal["joints", "slots"]


class TemporalAttention(nn.Module):
    """How much attention each token gets from its joint's tokens, through two fixed random projections.

    Args:
        width: D.
        over: ``joints``, as published: logits times √D, softmax over the joints; ``slots``: over √D, over the slots.
    """

    def __init__(self, width: int, over: AttentionOver = "joints") -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.over = over
        init_linear(self)
        self.requires_grad_(False)

    def attention(self, tokens: Tensor) -> Tensor:
        """Tokens (B, S, V, D) to weights (B, V, S, S): joint, slot that attends, slot attended to."""
        logits = torch.einsum("bqvd,bkvd->bvqk", self.query(tokens), self.key(tokens)).float()
        scale = math.sqrt(tokens.shape[-1])
        return (logits * scale).softmax(dim=1) if self.over == "joints" else (logits / scale).softmax(dim=3)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of tokens (B, S, V, D): (B, S, V)."""
        return self.attention(tokens).sum(dim=2).transpose(1, 2)


def joint_distances(points: Tensor) -> Tensor:
    """Distances between the joints of a slot: (B, S, V, D) to (B, S, V, V)."""
    return pairwise_distance(points, points, factor=_FACTOR)


def father_distances(points: Tensor, pruned: Tensor) -> Tensor:
    """Distance of each joint to the mean of the pruned ones.

    Args:
        points: (B, S, V, D) in the ball.
        pruned: (B, S, P, D) in the ball.

    Returns:
        (B, S, 1, V).
    """
    return pairwise_distance(pruned.mean(dim=2, keepdim=True), points, factor=_FACTOR)


def joint_hierarchy(points: Tensor, pruned: Tensor, father_weight: float) -> Tensor:
    """How far out each joint lies, as seen from the others and from the trunk; (B, S, V), see `father_distances`."""
    return joint_distances(points).sum(dim=2) + father_weight * father_distances(points, pruned).squeeze(2)


def ranks(score: Tensor, tau: float, uniform: Tensor) -> Tensor:
    """Places of the tokens when drawn one after another, high scores sooner (Gumbel top-k).

    Args:
        score: (B, G).
        tau: temperature; lower prefers high scores more.
        uniform: (B, G) draws from U(0, 1).

    Returns:
        (B, G) int64; the tokens of the lowest ranks stay visible.
    """
    return sort_key(score, tau, uniform).argsort(dim=1, descending=True).argsort(dim=1)


def sort_key(score: Tensor, tau: float, uniform: Tensor) -> Tensor:
    """Log-probabilities with Gumbel noise; (B, G), see `ranks`."""
    return mask_log_probability(score, tau) - (-(uniform + _TINY).log() + _TINY).log()
