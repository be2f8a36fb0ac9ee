"""AAGA, adaptive activity-guided attention: only the queries that tell keys apart attend (AgRNet, spec-agrnet §4.2).

A re-implementation from the published description: the authors' driver imports Informer's sparse attention (Zhou et
al., AAAI 2021) by name, and the paper describes its idea. Every query is scored on a few sampled keys; the most active
ones attend to all keys, the others take the mean value.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from kineme.nn.transformer import MultiHead
from kineme.transforms.base import integers


def budget(length: int, factor: int) -> int:
    """How many of so many tokens are sampled as keys, or kept as queries: factor * ceil(ln length), at most all."""
    return min(length, factor * math.ceil(math.log(length)))


def draw_keys(queries: int, keys: int, factor: int, generator: Generator, like: Tensor) -> Tensor:
    """Sampled keys of every query, (Lq, U) int64: uniform, with replacement, shared by clips and heads."""
    return integers((queries, budget(keys, factor)), keys, generator, like)


@torch.no_grad()
def activity(query: Tensor, key: Tensor, index: Tensor, valid: Tensor | None = None) -> Tensor:
    """Score of every query: its largest product with sampled keys, minus their sum over the number of all keys.

    The sum runs over samples and is divided by Lk, as in Informer. Goes through the samples one by one, so that the
    sampled keys (B, H, Lq, U, D) never exist; there is no gradient, since scores only choose.

    Args:
        query: (B, H, Lq, D).
        key: (B, H, Lk, D).
        index: (Lq, U) int64 sampled keys.
        valid: (B, Lk) bool, keys that count; all where None.

    Returns:
        (B, H, Lq).
    """
    # One row of memory per token, all heads side by side: rows are what index_select copies fastest.
    queries, keys = (x.transpose(1, 2).flatten(2).contiguous() for x in (query, key))
    count, hidden = keys.shape[1], None
    if valid is not None:
        keys, hidden = keys * valid.unsqueeze(-1), ~valid
        count = valid.sum(dim=1)[:, None, None]
    peak, total = None, torch.zeros((), dtype=keys.dtype, device=keys.device)
    for sample in index.unbind(dim=1):
        products = (queries * keys.index_select(1, sample)).unflatten(-1, (query.shape[1], -1)).sum(dim=-1)
        total = total + products
        if hidden is not None:
            products = products.masked_fill(hidden[:, sample, None], -math.inf)
        peak = products if peak is None else torch.maximum(peak, products)
    assert peak is not None
    return (peak - total / count).transpose(1, 2)


def most_active(scores: Tensor, count: int) -> Tensor:
    """Queries with the largest scores, of equal ones the earlier: (B, H, Lq) to (B, H, u) int64."""
    return scores.argsort(dim=-1, descending=True, stable=True)[..., :count]


def sparse_attention(
    query: Tensor, key: Tensor, value: Tensor, index: Tensor, factor: int, valid: Tensor | None = None
) -> Tensor:
    """Active queries attend to all keys, the others get the mean value: (B, H, Lq, D).

    Args:
        query: (B, H, Lq, D).
        key, value: (B, H, Lk, D).
        index: (Lq, U) int64 sampled keys.
        factor: of the `budget`.
        valid: (B, Lk) bool, tokens that are attended to and averaged; all where None.
    """
    active = _active(query, key, index, factor, valid)
    where = active.unsqueeze(-1).expand(-1, -1, -1, value.shape[-1])
    answers = attend(query.gather(2, where), key, value, valid)
    return _mean(value, valid).expand(-1, -1, query.shape[2], -1).scatter(2, where, answers)


def attend(query: Tensor, key: Tensor, value: Tensor, valid: Tensor | None = None) -> Tensor:
    """Ordinary attention, fused; the arguments are those of `sparse_attention`."""
    mask = None if valid is None else valid[:, None, None]
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def attention_map(query: Tensor, key: Tensor, index: Tensor | None = None, factor: int = 1) -> Tensor:
    """Weights (B, H, Lq, Lk) of `sparse_attention`, for pictures; those of ordinary attention where no index is given.

    Rows of inactive queries are uniform.
    """
    weights = (query @ key.mT * key.shape[-1] ** -0.5).softmax(dim=-1)
    if index is None:
        return weights
    active = _active(query, key, index, factor)
    is_active = torch.zeros_like(weights[..., 0], dtype=torch.bool).scatter(-1, active, value=True)
    return weights.where(is_active.unsqueeze(-1), 1 / key.shape[2])


def _active(query: Tensor, key: Tensor, index: Tensor, factor: int, valid: Tensor | None = None) -> Tensor:
    scores = activity(query, key, index, valid)
    if valid is not None:
        scores = scores.masked_fill(~valid[:, None], -math.inf)
    return most_active(scores, budget(query.shape[2], factor))


def _mean(value: Tensor, valid: Tensor | None) -> Tensor:
    """Mean value, (B, H, 1, D)."""
    if valid is None:
        return value.mean(dim=2, keepdim=True)
    share = valid / valid.sum(dim=1, keepdim=True)
    return (value * share[:, None, :, None].to(value.dtype)).sum(dim=2, keepdim=True)


class SparseAttention(MultiHead):
    """Multi-head self-attention over tokens (B, L, D), sparse where the budget leaves some queries out.

    In evaluation the sampled keys are always the same ones, drawn from a fixed seed (our choice; the driver draws
    anew, so that its features change from call to call). In training they are given, or drawn from torch's own
    generator like dropout.

    Args:
        length: L.
        width: D.
        heads: H; must divide D.
        factor: of the `budget`.
        sparse: False for ordinary attention, as in the ablation without AAGA.
        seed: of the keys in evaluation.
    """

    fixed_index: Tensor

    def __init__(
        self, length: int, width: int, heads: int, factor: int = 5, *, sparse: bool = True, seed: int = 0
    ) -> None:
        super().__init__(width, heads)
        self.length, self.factor = length, factor
        self.is_sparse = sparse and budget(length, factor) < length
        if self.is_sparse:
            fixed = self.sample(Generator(device="cpu").manual_seed(seed), self.qkv.weight)
            self.register_buffer("fixed_index", fixed, persistent=False)

    def sample(self, generator: Generator, like: Tensor) -> Tensor:
        """Sampled keys (L, U) of one step."""
        return draw_keys(self.length, self.length, self.factor, generator, like)

    def forward(self, x: Tensor, index: Tensor | None = None, valid: Tensor | None = None) -> Tensor:
        """(B, L, D) to (B, L, D).

        Args:
            x: tokens.
            index: (L, U) int64 sampled keys; see the class where None.
            valid: (B, L) bool, tokens that are attended to; all where None.
        """
        query, key, value = self.heads_of(x)
        if self.is_sparse:
            answers = sparse_attention(query, key, value, self._index(index, x), self.factor, valid)
        else:
            answers = attend(query, key, value, valid)
        return self.proj(answers.transpose(1, 2).flatten(2))

    @torch.no_grad()
    def map(self, x: Tensor) -> Tensor:
        """Attention weights (B, H, L, L) in evaluation."""
        query, key, _ = self.heads_of(x)
        return attention_map(query, key, self.fixed_index if self.is_sparse else None, self.factor)

    def _index(self, index: Tensor | None, like: Tensor) -> Tensor:
        if index is not None:
            return index
        return self.sample(torch.default_generator, like) if self.training else self.fixed_index
