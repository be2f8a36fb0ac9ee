"""Attention over sequences that have most of their tokens in common.

In a decoder's first layer a hidden token is the mask token with its position: the same in every sequence. Queries, keys
and values of hidden tokens, and how much they attend to each other, are computed once for the whole batch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.nn.tokens import put_tokens
from kineme.nn.transformer import Attention

_WIDEST = 60.0  # exp(-60) is still a number in float32, and so is a sum of such over other tokens


def shared_attention(attention: Attention, common: Tensor, own: Tensor, where: Tensor) -> Tensor:
    """What an attention layer makes of sequences that consist of common tokens but for a few of their own.

    Equal, up to rounding, to ``attention(put_tokens(common, where, own))``. That is also what is computed where
    attention is so sharp that weights could vanish, which has to be looked up on the device.

    Args:
        attention: the layer.
        common: (1, L, D) token at every place.
        own: (B, K, D) tokens that stand in for some of these.
        where: (B, K) int64 their places.

    Returns:
        (B, L, D).
    """
    (common_query, common_key, common_value), (query, key, value) = attention.heads_of(common), attention.heads_of(own)
    logits = common_query @ common_key.mT * common_key.shape[-1] ** -0.5
    if _is_sharp(logits):
        return attention(put_tokens(common.expand(len(own), -1, -1), where, own))
    places = where[:, None, :].expand(-1, attention.heads, -1)
    keys, values = (_put(everywhere, places, some) for everywhere, some in ((common_key, key), (common_value, value)))
    hidden = torch.ones(len(own), common.shape[1], dtype=own.dtype, device=own.device).scatter(1, where, 0)
    of_common = _common_queries(logits, common_value, common_query @ key.mT * key.shape[-1] ** -0.5, value, hidden)
    of_own = F.scaled_dot_product_attention(query, keys, values)
    return attention.proj(put_tokens(_joined(of_common), where, _joined(of_own)))


@torch.no_grad()
def _is_sharp(logits: Tensor) -> bool:
    return bool((logits.amax(dim=-1) - logits.amin(dim=-1)).max() > _WIDEST)


def _common_queries(shared: Tensor, common: Tensor, single: Tensor, own: Tensor, hidden: Tensor) -> Tensor:
    """Answers (B, H, L, d) to the common query of every place.

    Args:
        shared: (1, H, L, L) logits of all places.
        common: (1, H, L, d) values there.
        single: (B, H, L, K) logits of a sequence's own tokens.
        own: (B, H, K, d) their values.
        hidden: (B, L) 1 where a sequence has the common token, else 0.
    """
    peak = shared.detach().amax(dim=-1, keepdim=True)
    top = torch.maximum(peak, single.detach().amax(dim=-1, keepdim=True))
    # The sum of weights comes along as one more value, which is 1 everywhere.
    answers = (shared - peak).exp() @ _side_by_side(_with_one(common) * hidden[:, None, :, None])
    answers = answers.unflatten(-1, (len(hidden), -1))[0].permute(2, 0, 1, 3) * (peak - top).exp()
    answers = answers + (single - top).exp() @ _with_one(own)
    return answers[..., :-1] / answers[..., -1:]


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)


def _side_by_side(values: Tensor) -> Tensor:
    """(B, H, L, d) to (1, H, L, B*d), one wide matrix per head."""
    return values.permute(1, 2, 0, 3).flatten(2).unsqueeze(0)


def _put(everywhere: Tensor, places: Tensor, some: Tensor) -> Tensor:
    """Keys or values of each sequence: common ones (1, H, L, d), and at its places (B, H, K) its own (B, H, K, d)."""
    grid = everywhere.expand(len(some), -1, -1, -1)
    return grid.scatter(2, places.unsqueeze(-1).expand_as(some), some)


def _joined(heads: Tensor) -> Tensor:
    """(B, H, N, d) to (B, N, D)."""
    return heads.transpose(1, 2).flatten(2)
