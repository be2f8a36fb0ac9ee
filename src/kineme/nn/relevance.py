"""Relevance of tokens: how much attention they receive, and how large a circle shows it (spec-danet §7).

The field draws joints larger the more relevant they are. DANet's authors publish such pictures and no formula: that
relevance is the attention received relative to the largest, and the radii, are our reading.
"""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Relevance = TypeVar("Relevance", Tensor, np.ndarray)

SMALLEST, LARGEST = 2.0, 14.0
"""Radii in pixels of joints without any relevance and of the most relevant ones."""


def received(weights: Tensor) -> Tensor:
    """Relevance of keys by the mean attention over heads and queries: (..., H, Q, K) to (..., K), 1 at the largest.

    Args:
        weights: of attention; rows sum to one. Maps of several frames are averaged beforehand.
    """
    return of_largest(weights.mean(dim=(-3, -2)))


def of_largest(attention: Tensor) -> Tensor:
    """Numbers from 0 relative to the largest of the last dimension: (..., V) to (..., V); zeros stay as they are."""
    return attention / attention.amax(dim=-1, keepdim=True).clamp(min=torch.finfo(attention.dtype).tiny)


def radii(relevance: Relevance, smallest: float = SMALLEST, largest: float = LARGEST) -> Relevance:
    """Radii of circles, in pixels, that grow with relevance from 0 to 1; of any shape."""
    return smallest + (largest - smallest) * relevance
