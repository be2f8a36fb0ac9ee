"""DANet's network: relation-aware self-attention blocks, then cross-attention between two views.

Gedamu et al., "DANet: Dual-attention network for view-invariant action recognition", Complex & Intelligent Systems
2023. A re-implementation from the published description: the authors' network was not published, and its equations and
sizes are our reading (spec-danet §4). Theirs are the two kinds of attention, each in space and in time, and what they
are for.
"""

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, EncoderConfig, encoders
from kineme.encoders.token_encoder import Positive
from kineme.errors import LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.bodies import distinct_bodies
from kineme.nn.cross_attention import SLOPE, CrossBlock, ValueSource, cooccurrence
from kineme.nn.dropout import Dropout
from kineme.nn.last_norm import LastNorm
from kineme.nn.matmul import Linear
from kineme.nn.relation_attention import SpatialRelationAttention, TemporalRelationAttention
from kineme.nn.relevance import received

Rate = Annotated[float, Field(ge=0, lt=1)]
_EMBEDDING_STD = 0.02


class DANetEncoderConfig(EncoderConfig):
    """Sizes of the encoder; the default blocks are as wide as those of 2s-AGCN, which the authors built on."""

    name: str = "danet"
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = (64,) * 4 + (128,) * 3 + (256,) * 3
    """Features of every block; D is the last."""
    strides: tuple[Literal[1, 2], ...] = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
    """Frames per frame of every block's result."""
    heads: Positive = 8
    local_heads: Annotated[int, Field(ge=0)] | None = None
    """Heads of self-attention that see related joints and near frames only; half of them where None."""
    semantics: bool = True
    """Learned embeddings of which joint and which frame it is."""
    cross: bool = True
    """Cross-attention after the last block; a clip alone is its own partner."""
    value_source: ValueSource = "own"
    """Whose values cross-attention mixes. Where they are the partner's, a network meets pairs in training only."""
    drop_connect: Rate = 0.0
    """Probability in training that a head does not see a key."""
    dropout: Rate = 0.0
    """Of what every stage of a block adds."""

    @property
    def num_local(self) -> int:
        """Heads that see related tokens only."""
        return self.heads // 2 if self.local_heads is None else self.local_heads

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.widths) != len(self.strides):
            raise ValueError(f"one stride per block; found {len(self.strides)} strides of {len(self.widths)} widths")
        if odd := [width for width in self.widths if width % self.heads]:
            raise ValueError(f"every width must be a multiple of heads ({self.heads}); found {odd[0]}")
        if self.num_local >= self.heads:
            raise ValueError(f"local_heads ({self.num_local}) must leave at least one of the {self.heads} heads global")
        return self


class PairFeatures(NamedTuple):
    """Features of two views after cross-attention.

    Args:
        a, b: (B, M, S, V, D) each.
        scores: of cross-attention over joints and over frames, (2, B*M, H, L, L) each; none without it.
    """

    a: Tensor
    b: Tensor
    scores: tuple[Tensor, ...]


class Projection(nn.Sequential):
    """Linear layer and batch norm: what is added back where widths or frame rates differ, and the first layer."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(Linear(in_width, width), LastNorm(width))


class DualBlock(nn.Module):
    """Attention over joints, a layer, attention over frames, a convolution in time; each is added to what came in.

    Args:
        in_width: D.
        width: D'.
        config: heads and rates.
        layout: joints and parts.
        stride: frames per frame of the result.
        furthest, reach: see `TemporalRelationAttention`.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        config: DANetEncoderConfig,
        layout: Layout,
        stride: int = 1,
        *,
        furthest: int = 32,
        reach: int | None = None,
    ) -> None:
        super().__init__()
        heads, drop = (config.heads, config.num_local, layout), config.drop_connect
        self.stride = stride
        self.spatial = SpatialRelationAttention(in_width, width, *heads, drop_connect=drop)
        self.spatial_norm = LastNorm(width)
        self.spatial_residual = nn.Identity() if in_width == width else Projection(in_width, width)
        self.mix = Projection(width, width)
        self.temporal = TemporalRelationAttention(
            width, width, *heads, furthest=furthest, reach=reach, drop_connect=drop
        )
        self.temporal_norm = LastNorm(width)
        self.conv = nn.Conv2d(width, width, (3, 1), (stride, 1), (1, 0))
        self.conv_norm = LastNorm(width)
        self.conv_residual = nn.Identity() if stride == 1 else Projection(width, width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, V, D) to (N, ceil(T / stride), V, D')."""
        x = self._add(self.spatial_residual(x), self.spatial_norm(self.spatial(x)))
        x = self._add(x, self.mix(x))
        x = self._add(x, self.temporal_norm(self.temporal(x)))
        convolved = self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self._add(self.conv_residual(x[:, :: self.stride]), self.conv_norm(convolved))

    def _add(self, x: Tensor, branch: Tensor) -> Tensor:
        return F.leaky_relu(x + self.dropout(branch), SLOPE, inplace=True)


@encoders.register("danet")
class DANetEncoder(Encoder):
    """Batch norm of all coordinates, an embedding with semantics, self-attention blocks, cross-attention.

    Each body is a sequence of its own. Batch norm has statistics per joint and coordinate that bodies share, so that
    any number of bodies is read; the authors' base keeps those of the first and the second body apart.

    Args:
        config: sizes.
        layout: joints; V.
        window: T, of any length.
        channels: C.
    """

    Config: ClassVar = DANetEncoderConfig

    def __init__(self, config: DANetEncoderConfig, layout: Layout, window: int, channels: int = 3) -> None:
        super().__init__(config, layout, window, channels)
        self.config = config
        self.joints, self.width = layout.num_joints, config.widths[-1]
        first = config.widths[0]
        self.input_norm = nn.BatchNorm1d(self.joints * channels)
        self.embedding = Projection(channels, first)
        tables = [_table(self.joints, first), _table(window, 1, first)] if config.semantics else []
        self.semantics = nn.ParameterList(tables)
        sizes = zip((first, *config.widths), config.widths, config.strides, strict=False)
        self.blocks = nn.ModuleList(DualBlock(i, o, config, layout, stride) for i, o, stride in sizes)
        self.cross = CrossBlock(self.width, config.heads, config.value_source) if config.cross else None
        self.levels = len(self.blocks) + 1 + config.cross

    def level(self, parameter: str) -> int:
        """What comes before the blocks, block by block, cross-attention."""
        if parameter.startswith("cross."):
            return len(self.blocks) + 1
        block = re.match(r"blocks\.(\d+)\.", parameter)
        return int(block.group(1)) + 1 if block else 0

    def sequences(self, batch: ClipBatch) -> Tensor:
        """Every body of every clip: (B*M, T, V, C).

        Raises:
            LayoutMismatchError: clips of another shape than the encoder was built for.
        """
        T, V, C = batch.xyz.shape[2:]
        if (self.window, self.joints, self.channels) != (T, V, C):
            raise LayoutMismatchError(
                f"the encoder reads {self.window} frames of {self.joints} joints ({self.layout.name}) with "
                f"{self.channels} coordinates, the batch has {T} frames of {V} joints ({batch.layout.name}) with {C}"
            )
        return batch.xyz.flatten(0, 1)

    def embed(self, sequences: Tensor) -> Tensor:
        """What the blocks read: (N, T, V, C) to (N, T, V, D)."""
        x = self.input_norm(sequences.flatten(2).flatten(0, 1)).view(sequences.shape)
        x = F.leaky_relu(self.embedding(x), SLOPE, inplace=True)
        for table in self.semantics:
            x = x + table
        return x

    def self_attended(self, sequences: Tensor) -> Tensor:
        """All but cross-attention: (N, T, V, C) to (N, S, V, D)."""
        x = self.embed(sequences)
        for block in self.blocks:
            x = block(x)
        return x

    def encode(self, sequences: Tensor) -> Tensor:
        """Every sequence as its own partner: (N, T, V, C) to (N, S, V, D)."""
        x = self.self_attended(sequences)
        return x if self.cross is None else self.cross(x.unsqueeze(0))[0].squeeze(0)

    def features(self, batch: ClipBatch) -> Tensor:
        """Features (B, M, S, V, D); in evaluation, absent bodies and copies within a clip are computed once.

        In training they are all computed, because they all count in the statistics of batch norms (spec-danet §4.1).
        """
        if self.training:
            return self.encode(self.sequences(batch)).unflatten(0, batch.xyz.shape[:2])
        return self._of_distinct(batch, self.encode)

    def pair_features(self, a: ClipBatch, b: ClipBatch) -> PairFeatures:
        """Features of two views of the same actions, body by body; batch norms count both.

        Args:
            a, b: clips with as many bodies; clip i of one is the partner of clip i of the other.
        """
        x = self.self_attended(torch.cat([self.sequences(a), self.sequences(b)]))
        views, scores = x.unflatten(0, (2, -1)), ()
        if self.cross is not None:
            views, scores = self.cross(views)
        first, second = views.unflatten(1, a.xyz.shape[:2])
        return PairFeatures(first, second, scores)

    def relevance(self, batch: ClipBatch) -> Tensor:
        """Attention that every joint receives, 1 for the one that gets most; absent bodies 0.

        From the co-occurrence map, which has one slot for all frames; without cross-attention from the global heads of
        the last block, whose slots are the frames that this block reads.

        Returns:
            (B, M, S, V).
        """
        relevance = self._of_distinct(batch, lambda sequences: received(self._last_map(sequences)))
        return relevance * batch.present.any(dim=2)[..., None, None]

    def _last_map(self, sequences: Tensor) -> Tensor:
        """The last map over joints: (N, T, V, C) to (N, S, H, V, V)."""
        if self.cross is not None:
            views = self.self_attended(sequences).unsqueeze(0)
            return cooccurrence(self.cross.spatial.scores(views.transpose(2, 3))).unsqueeze(1)
        x = self.embed(sequences)
        *earlier, last = self.blocks
        for block in earlier:
            x = block(x)
        assert isinstance(last, DualBlock)
        return last.spatial.attention(x)[:, :, : self.config.heads - self.config.num_local]

    def _of_distinct(self, batch: ClipBatch, of_sequences: Callable[[Tensor], Tensor]) -> Tensor:
        """What a function makes of every body, (B, M, ...), computed once for those that are alike."""
        rows, who = distinct_bodies(batch.xyz)
        return of_sequences(self.sequences(batch)[rows])[who].unflatten(0, batch.xyz.shape[:2])


def _table(*size: int) -> nn.Parameter:
    """A learned embedding."""
    return nn.Parameter(torch.randn(size) * _EMBEDDING_STD)
