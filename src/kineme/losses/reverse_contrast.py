"""Losses that push the joints that do not matter away from those that do (spec-stjd §3.5).

Each gives one number per clip, so that clips can be left out. The paper's formulas could not be read; these are ours.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.losses.contrast import contrast_logits


def reverse_contrast(anchor: Tensor, nonprime: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """-log(1 - p), p the probability that the anchor picks its own non-prime vector among the queue (spec-stjd L2).

    It fades once the vector is less similar than what is in the queue.

    Args:
        anchor, nonprime: (B, D) unit vectors, row b of both of the same clip.
        queue: (K, D) unit vectors.
        temperature: tau.

    Returns:
        (B,), float32 or better.
    """
    logits = contrast_logits(anchor, nonprime, queue, temperature)
    return -F.logsigmoid(logits[:, 1:].logsumexp(dim=1) - logits[:, 0])


def hard_negative(query: Tensor, prime: Tensor, nonprime: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """Contrast of query and prime vector in which the clip's own non-prime vector is one more negative (spec-stjd L3).

    Arguments and result are those of `reverse_contrast`.
    """
    logits = contrast_logits(query, prime, queue, temperature)
    own = contrast_logits(query, nonprime, queue[:0], temperature)
    return torch.cat([logits, own], dim=1).logsumexp(dim=1) - logits[:, 0]


def margin_contrast(anchor: Tensor, nonprime: Tensor, margin: float) -> Tensor:
    """How far the cosine of anchor and non-prime vector is above the margin (spec-stjd L4).

    Args:
        anchor, nonprime: (B, D) unit vectors.
        margin: largest cosine without loss.

    Returns:
        (B,).
    """
    cosine = contrast_logits(anchor, nonprime, nonprime[:0], 1.0)[:, 0]
    return (cosine - margin).relu()
