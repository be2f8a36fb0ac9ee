"""Losses on similarities to one true key and a queue of others (spec-contrastive §5, §6)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def contrast_logits(query: Tensor, key: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """Similarities over the temperature, the true key's first.

    Args:
        query, key: (B, D) unit vectors, row b of both of the same clip.
        queue: (K, D) unit vectors.
        temperature: tau.

    Returns:
        (B, 1 + K), float32 or better.
    """
    with torch.autocast(query.device.type, enabled=False):
        query, key = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (query, key))
        own = (query * key).sum(dim=1, keepdim=True)
        return torch.cat([own, query @ queue.to(query.dtype).T], dim=1) / temperature


def info_nce(logits: Tensor) -> Tensor:
    """Cross-entropy of the first column: (B, 1 + K) to ()."""
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))


def mined_nce(logits: Tensor, positive: Tensor) -> Tensor:
    """Mean log-probability of all positives of a row, negated: (B, N) and (B, N) bool give ()."""
    chosen = logits.log_softmax(dim=1).masked_fill(~positive, 0).sum(dim=1)
    return -(chosen / positive.sum(dim=1)).mean()


def distribution_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the softmax with target distributions: (B, N) and (B, N) give ()."""
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()


def nearest(logits: Tensor, count: int) -> Tensor:
    """The true key and the ``count`` most similar keys of the queue: (B, 1 + K) to (B, 1 + K) bool."""
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[:, 0] = True
    return mask.scatter(1, 1 + logits[:, 1:].topk(count, dim=1).indices, True)
