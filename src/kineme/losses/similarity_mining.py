"""ActCLR's loss: a query's similarities to the queue follow those of its key (spec-contrastive §8, §9)."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kineme.config import Config

Temperature = Annotated[float, Field(gt=0)]


class MiningConfig(Config):
    """Settings of the loss, for a method that has it beside others; ActCLR has its own."""

    count: Annotated[int, Field(ge=1)] = 8192
    """Keys of the queue that the loss looks at: those most similar to the clip's own."""
    below: Annotated[float, Field(ge=-1, le=1)] = 0.95
    """More similar ones are taken for the clip's own of an earlier epoch and count as -1."""
    temperature: Temperature = 0.1
    """Divides similarities of queries."""
    key_temperature: Temperature = 0.04
    """Divides similarities of keys."""


def similarities(vectors: Tensor, queue: Tensor) -> Tensor:
    """Products with all keys of the queue, float32 or better: (B, D) and (K, D) give (B, K)."""
    with torch.autocast(vectors.device.type, enabled=False):
        precise = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
        return precise @ queue.to(precise).T


def mined_divergence(query: Tensor, key: Tensor, queue: Tensor, config: MiningConfig) -> Tensor:
    """How far the similarities of queries (B, D) to the mined keys of a queue (K, D) are from those of keys (B, D).

    Those of queries are squared, as in ActCLR's code: a query may as well point the opposite way.

    Returns:
        (), the mean over clips.
    """
    wanted, columns = mine(similarities(key, queue), config.count, config.below)
    found = similarities(query, queue).square().gather(1, columns)
    return sharpened_kl(found, wanted, config.temperature, config.key_temperature)


def mine(similarity: Tensor, count: int, below: float = 1.0) -> tuple[Tensor, Tensor]:
    """The largest similarities of each row, those that are too large to be of another clip last.

    Args:
        similarity: (B, K).
        count: how many; all where there are fewer.
        below: what is larger counts as -1.

    Returns:
        (B, count) similarities in falling order, and (B, count) int64 columns that they are in.
    """
    fair = similarity.masked_fill(similarity > below, -1)
    values, columns = fair.topk(min(count, fair.shape[1]), dim=1)
    return values, columns


def sharpened_kl(query: Tensor, key: Tensor, temperature: float = 0.1, key_temperature: float = 0.04) -> Tensor:
    """Divergence of the softmax of a query's similarities from that of its key's, which is the sharper one.

    Args:
        query, key: (B, N) similarities.
        temperature, key_temperature: what they are divided by.

    Returns:
        (), the mean over rows.
    """
    found, wanted = (query / temperature).log_softmax(dim=1), (key / key_temperature).log_softmax(dim=1)
    return F.kl_div(found, wanted, reduction="batchmean", log_target=True)
