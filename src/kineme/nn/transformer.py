"""Pre-norm transformer blocks with fused attention, as all masked methods of the field use them (spec-masked §2)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.nn.matmul import Linear
from kineme.nn.tokens import take_tokens

Branch = Callable[..., Tensor]
"""A residual branch: one or more (B, ...) to (B, ...)."""


def init_linear(module: nn.Module) -> None:
    """Xavier-uniform weights and zero bias for every linear layer below ``module``."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def drop_path(x: Tensor, rate: float, uniform: Tensor, branch: Branch, *inputs: Tensor) -> Tensor:
    """Stochastic depth: add a residual branch for some samples, scaled up for the others, which it never computes.

    Args:
        x: (B, ...) what the branch is added to.
        rate: probability of dropping.
        uniform: (B,) draws from U(0, 1), on the CPU: nobody has to ask the device how many samples are kept.
        branch: makes (b, ...) of the kept samples of ``inputs``.
        inputs: (B, ...) each.
    """
    keep = 1 - rate
    (kept,) = (keep + uniform).floor().nonzero(as_tuple=True)
    kept = kept.to(x.device, non_blocking=True)
    answers = branch(*(each[kept] for each in inputs)) / keep
    return x.index_add(0, kept, answers.to(x.dtype))


class DropPath(nn.Module):
    """`drop_path` in training; in evaluation the branch is added for all.

    Args:
        rate: probability of dropping a sample's branch.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor, branch: Branch, *inputs: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x + branch(*inputs)
        uniform = torch.rand(len(x), dtype=x.dtype, device="cpu")
        return drop_path(x, self.rate, uniform, branch, *inputs)


class MultiHead(nn.Module):
    """What any self-attention over tokens (B, N, D) learns: queries, keys and values of several heads, and what
    becomes of their answers."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)

    def heads_of(self, x: Tensor, wanted: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (of the tokens at ``wanted`` alone), keys and values, (B, H, N, D/H) each."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q = q if wanted is None else take_tokens(q, wanted)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        return q, k, v


class Attention(MultiHead):
    """Multi-head self-attention over tokens (B, N, D)."""

    def forward(self, x: Tensor, wanted: Tensor | None = None) -> Tensor:
        """(B, N, D), or (B, K, D) of the tokens at positions ``wanted`` (B, K) alone, which still attend to all."""
        q, k, v = self.heads_of(x, wanted)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def weights(self, x: Tensor) -> Tensor:
        """How much every token attends to every other, which `forward` never writes down: (B, N, D) to (B, H, N, N)."""
        q, k, _ = self.heads_of(x)
        return (q @ k.mT * k.shape[-1] ** -0.5).softmax(dim=-1)


class MLP(nn.Module):
    """Two linear layers with an exact GELU between."""

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        self.fc1 = Linear(width, int(width * ratio))
        self.fc2 = Linear(int(width * ratio), width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1.gelu(x))


class Block(nn.Module):
    """Attention and MLP, each on a normalised input and added back.

    Args:
        width: D.
        heads: attention heads; must divide D.
        mlp_ratio: hidden width of the MLP over D.
        drop: probability of dropping a branch in training.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: float, drop: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, mlp_ratio)
        self.drop_path = DropPath(drop)

    def forward(self, x: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Tokens (B, N, D) to (B, N, D), or to (B, K, D) where only those at ``wanted`` (B, K) are asked for."""
        if wanted is None:
            return self.add_mlp(self.drop_path(x, self.attend, x))
        return self.add_mlp(self.drop_path(take_tokens(x, wanted), self.attend, x, wanted))

    def attend(self, x: Tensor, wanted: Tensor | None = None) -> Tensor:
        """What attention makes of tokens, as `forward` takes them."""
        return self.attn(self.norm1(x), wanted)

    def add_mlp(self, x: Tensor) -> Tensor:
        """Tokens (B, N, D) with what the MLP makes of them."""
        return self.drop_path(x, self.transform, x)

    def transform(self, x: Tensor) -> Tensor:
        """What the MLP makes of tokens (B, N, D)."""
        return self.mlp(self.norm2(x))
