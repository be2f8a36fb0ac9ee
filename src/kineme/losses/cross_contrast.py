"""HA-CM's contrast between views of the same sequences (spec-masked §5.7)."""

import torch
from torch import Tensor


def similarity(p: Tensor, q: Tensor) -> Tensor:
    """Softmax over the batch of the products of each row of ``p`` with all rows of ``q``.

    Plain dot products in float32: no temperature, no normalisation.

    Args:
        p, q: (B, D), row b of both from the same sequence.

    Returns:
        (B, B).
    """
    with torch.autocast(p.device.type, enabled=False):
        return (p.float() @ q.float().T).softmax(dim=1)


def cross_contrast(p: Tensor, q: Tensor) -> Tensor:
    """Mean squared difference of `similarity` and the identity: (B, D) and (B, D) give ()."""
    both = similarity(p, q)
    return (both - torch.eye(len(both), dtype=both.dtype, device=both.device)).square().mean()
