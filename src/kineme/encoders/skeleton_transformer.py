"""The skeleton transformer of the masked family: tokens of one joint over a few frames (spec-masked §2)."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, EncoderConfig, encoders
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.tokens import Positions, take_tokens, to_segments
from kineme.nn.transformer import Block, init_linear

Positive = Annotated[int, Field(ge=1)]


class SkeletonTransformerConfig(EncoderConfig):
    """Sizes of the encoder; defaults are MAMP's."""

    name: str = "skeleton_transformer"
    width: Positive = 256
    """D."""
    depth: Positive = 8
    heads: Positive = 8
    mlp_ratio: Annotated[float, Field(gt=0)] = 4.0
    segment: Positive = 4
    """Frames per token."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stochastic depth of the last block; earlier ones drop linearly less."""


@encoders.register("skeleton_transformer")
class SkeletonTransformer(Encoder):
    """Segment tokeniser, separable learned positions, pre-norm blocks, final norm.

    Each body is a sequence of its own. Tokens that a method hides are never embedded.

    Args:
        config: sizes.
        layout: joints; V.
        window: T; must be a multiple of the segment length.
        channels: C.

    Raises:
        ConfigError: sizes that do not fit together.
    """

    Config: ClassVar = SkeletonTransformerConfig

    def __init__(self, config: SkeletonTransformerConfig, layout: Layout, window: int, channels: int = 3) -> None:
        super().__init__(config, layout, window, channels)
        if window % config.segment:
            raise ConfigError(f"window {window} is not a multiple of encoder.segment {config.segment}")
        if config.width % config.heads:
            raise ConfigError(f"encoder.width {config.width} is not a multiple of encoder.heads {config.heads}")
        self.config = config
        self.layout = layout
        self.window = window
        self.channels = channels
        self.slots = window // config.segment
        self.tokeniser = nn.Linear(config.segment * channels, config.width)
        self.positions = Positions(self.slots, layout.num_joints, config.width)
        rates = torch.linspace(0, config.drop_path, config.depth).tolist()
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.mlp_ratio, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width)
        init_linear(self.blocks)

    @property
    def num_tokens(self) -> int:
        """L = S * V."""
        return self.slots * self.layout.num_joints

    def segments(self, batch: ClipBatch) -> Tensor:
        """Raw tokens of every body of every clip: (B*M, L, segment*C)."""
        T, V, C = batch.xyz.shape[2:]
        if (self.window, self.layout.num_joints, self.channels) != (T, V, C):
            raise LayoutMismatchError(
                f"the encoder reads {self.window} frames of {self.layout.num_joints} joints ({self.layout.name}) with "
                f"{self.channels} coordinates, the batch has {T} frames of {V} joints ({batch.layout.name}) with {C}"
            )
        return to_segments(batch.xyz.flatten(0, 1), self.config.segment)

    def embed(self, segments: Tensor, visible: Tensor | None = None) -> Tensor:
        """Embedded tokens with positions.

        Args:
            segments: (B, L, segment*C).
            visible: (B, K) int64 positions to embed; all where None.

        Returns:
            (B, K, D) or (B, L, D).
        """
        positions = self.positions()
        if visible is None:
            return self.tokeniser(segments) + positions
        return self.tokeniser(take_tokens(segments, visible)) + positions[0][visible]

    def encode(self, tokens: Tensor) -> Tensor:
        """Blocks and final norm: (B, K, D) to (B, K, D)."""
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def features(self, batch: ClipBatch) -> Tensor:
        B, M = batch.xyz.shape[:2]
        encoded = self.encode(self.embed(self.segments(batch)))
        return encoded.view(B, M, self.slots, self.layout.num_joints, -1)
