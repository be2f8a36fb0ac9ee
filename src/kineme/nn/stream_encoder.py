"""One stream of AgRNet: sparse attention and distilling in turn over a sequence of tokens (spec-agrnet §4.1, 4.3, 4.5).

A re-implementation from the published description, on the layout of Informer's encoder, which the authors' driver
imports by name.
"""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kineme.config import Config
from kineme.errors import ConfigError
from kineme.nn.distilling import Distilling, distilled_length
from kineme.nn.matmul import Linear
from kineme.nn.sparse_attention import SparseAttention
from kineme.transforms.base import NO_DRAWS, Draws

Positive = Annotated[int, Field(ge=1)]


class StreamConfig(Config):
    """Settings of a stream; defaults are the authors' driver's."""

    width: Positive = 512
    """D."""
    heads: Positive = 8
    mlp_ratio: Annotated[float, Field(gt=0)] = 1.0
    depth: Positive = 3
    """Attention layers."""
    factor: Positive = 5
    """A layer samples factor * ceil(ln L) keys for every query, and as many queries attend."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    attenuation: Positive = 2
    """Stride at which tokens become fewer between layers."""
    aaga: bool = True
    """Sparse attention; ordinary attention where off."""
    adga: bool = True
    """Distilling between layers; none where off."""
    adga_gate: bool = False
    """Add what distilling makes, times a learned factor, to the pooled tokens. Our reading of the paper's wording."""
    pyramid: bool = False
    """Beside the layers on all tokens, one layer less on the last half of them, two less on the last quarter, and so
    on, with all results one after the other. In the driver, commented out."""
    mask_padding: bool = False
    """Leave the zeros at the end of short clips out of the attention over frames. Not in the driver."""

    @property
    def depths(self) -> Sequence[int]:
        """Layers of every tower."""
        return range(self.depth, 0, -1) if self.pyramid else (self.depth,)

    @property
    def shortest(self) -> int:
        """Tokens that it takes so that two are left at the end of every tower."""
        stride = self.attenuation if self.adga else 1
        return max(2**i * (stride ** (depth - 1) + 1) for i, depth in enumerate(self.depths))


def sinusoids(length: int, width: int) -> Tensor:
    """Fixed positions (L, D): sines in even dimensions, cosines of the same angles in odd ones."""
    rate = torch.exp(-math.log(10_000) * torch.arange(0, width, 2, dtype=torch.float64, device="cpu") / width)
    angle = torch.arange(length, dtype=torch.float64, device="cpu")[:, None] * rate
    table = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]
    return table.to(torch.get_default_dtype())


class TokenEmbedding(nn.Module):
    """Circular convolution along tokens, plus fixed positions: (B, L, C) to (B, L, D).

    Args:
        length: L.
        channels: C.
        width: D.
        dropout: of the sum.
    """

    positions: Tensor

    def __init__(self, length: int, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, width, kernel_size=3, padding=1, padding_mode="circular")
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_in", nonlinearity="leaky_relu")
        self.register_buffer("positions", sinusoids(length, width), persistent=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.conv(tokens.mT).mT + self.positions)


class AttentionLayer(nn.Module):
    """Sparse attention and an MLP, each added to its input and then normalised: (B, L, D) to (B, L, D).

    Args:
        config: settings of the stream.
        length: L.
        seed: of the keys that are sampled in evaluation.
    """

    def __init__(self, config: StreamConfig, length: int, seed: int) -> None:
        super().__init__()
        width, hidden = config.width, int(config.width * config.mlp_ratio)
        self.attention = SparseAttention(length, width, config.heads, config.factor, sparse=config.aaga, seed=seed)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = Linear(width, hidden), Linear(hidden, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, index: Tensor | None = None, valid: Tensor | None = None) -> Tensor:
        """The arguments are those of `SparseAttention.forward`."""
        x = self.norm1(tokens + self.dropout(self.attention(tokens, index, valid)))
        hidden = self.dropout(F.gelu(self.fc1(x)))
        return self.norm2(x + self.dropout(self.fc2(hidden)))


class Tower(nn.Module):
    """Attention layers with distilling between them, and a final norm: (B, L, D) to (B, L', D).

    Args:
        config: settings of the stream.
        length: L.
        depth: number of attention layers.
    """

    def __init__(self, config: StreamConfig, length: int, depth: int) -> None:
        super().__init__()
        self.attenuation = config.attenuation
        self.layers, self.distils = nn.ModuleList(), nn.ModuleList()
        for i in range(depth):
            if i and config.adga:
                self.distils.append(Distilling(config.width, config.attenuation, gate=config.adga_gate))
                length = distilled_length(length, config.attenuation)
            self.layers.append(AttentionLayer(config, length, seed=i))
        self.length = length
        self.norm = nn.LayerNorm(config.width)

    def forward(self, tokens: Tensor, draws: Draws = NO_DRAWS, valid: Tensor | None = None) -> Tensor:
        """The arguments are those of `StreamEncoder.forward`; draws by the number of the layer."""
        for i, layer in enumerate(self.layers):
            if i and self.distils:
                tokens = self.distils[i - 1](tokens)
                valid = None if valid is None else valid[:, :: self.attenuation]
            tokens = layer(tokens, draws.get(str(i)), valid)
        return self.norm(tokens)


class StreamEncoder(nn.Module):
    """Embedding, then attention layers that leave fewer and fewer tokens: (B, L, C) to (B, L', D).

    Args:
        config: settings.
        length: L.
        channels: C.

    Attributes:
        length: L', of all towers; ``lengths``: of each.
        width: D.
        channels: C.

    Raises:
        ConfigError: too few tokens for so many layers, or a width that the heads do not divide.
    """

    def __init__(self, config: StreamConfig, length: int, channels: int) -> None:
        super().__init__()
        _require_fit(config, length)
        self.width, self.channels = config.width, channels
        self.embedding = TokenEmbedding(length, channels, config.width, config.dropout)
        self.input_lengths = [length // 2**i for i in range(len(config.depths))]
        sizes = zip(self.input_lengths, config.depths, strict=True)
        towers = [Tower(config, *size) for size in sizes]
        self.lengths = [tower.length for tower in towers]
        self.length = sum(self.lengths)
        self.towers = nn.ModuleList(towers)

    def attentions(self) -> dict[str, SparseAttention]:
        """Attention of every layer, by the numbers of its tower and within it: ``0.0`` and so on."""
        found = [[each for each in tower.modules() if isinstance(each, SparseAttention)] for tower in self.towers]
        return {f"{i}.{j}": each for i, tower in enumerate(found) for j, each in enumerate(tower)}

    def sample(self, generator: Generator, like: Tensor) -> Draws:
        """Sampled keys (L, U) of the layers that are sparse, by their names in `attentions`."""
        return {name: each.sample(generator, like) for name, each in self.attentions().items() if each.is_sparse}

    def forward(self, tokens: Tensor, draws: Draws = NO_DRAWS, valid: Tensor | None = None) -> Tensor:
        """Encoded tokens (B, L', D).

        Args:
            tokens: (B, L, C).
            draws: of `sample`; layers without go by their mode (see `SparseAttention`).
            valid: (B, L) bool, tokens that are no padding; all where None.
        """
        x, encoded = self.embedding(tokens), []
        for i, (tower, length) in enumerate(zip(self.towers, self.input_lengths, strict=True)):
            encoded.append(tower(x[:, -length:], under(str(i), draws), valid))
        return torch.cat(encoded, dim=1)

    @torch.no_grad()
    def first_map(self, tokens: Tensor) -> Tensor:
        """Attention weights (B, H, L, L) of the first layer in evaluation, of tokens (B, L, C)."""
        return self.attentions()["0.0"].map(self.embedding(tokens))


def under(name: str, draws: Draws) -> Draws:
    """Draws whose keys begin with a name and a point, without them."""
    return {key.removeprefix(f"{name}."): value for key, value in draws.items() if key.startswith(f"{name}.")}


def _require_fit(config: StreamConfig, length: int) -> None:
    if config.width % config.heads:
        raise ConfigError(f"encoder.width {config.width} is not a multiple of encoder.heads {config.heads}")
    if length < config.shortest:
        raise ConfigError(
            f"{len(config.depths)} tower(s) of up to {config.depth} layers need at least {config.shortest} tokens, "
            f"found {length}; lower encoder.depth or encoder.attenuation, or lengthen the clips"
        )
    if config.pyramid and config.mask_padding:
        raise ConfigError(
            "encoder.pyramid reads the ends of clips, which may be nothing but padding; switch encoder.mask_padding off"
        )
