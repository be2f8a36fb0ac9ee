"""What transformers over joint-segment tokens share: a tokeniser, separable positions, blocks and a final norm."""

import re
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, EncoderConfig
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.bodies import distinct_bodies
from kineme.nn.relevance import of_largest
from kineme.nn.remembered import Remembered
from kineme.nn.tokens import Positions
from kineme.nn.transformer import Block, init_linear

Positive = Annotated[int, Field(ge=1)]


class TokenEncoderConfig(EncoderConfig):
    """Sizes of the encoder; defaults are MAMP's."""

    width: Positive = 256
    """D."""
    depth: Positive = 8
    heads: Positive = 8
    mlp_ratio: Annotated[float, Field(gt=0)] = 4.0
    segment: Positive = 4
    """Frames per token."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stochastic depth of the last block; earlier ones drop linearly less."""


class TokenEncoder(Encoder):
    """Base of the encoders whose tokens are one joint over a few frames. Each body is a sequence of its own.

    Args:
        config: sizes.
        layout: joints of the clips; V.
        window: T; must be a multiple of the segment length.
        channels: C.
        joints: number of joints that get tokens.

    Raises:
        ConfigError: sizes that do not fit together.
    """

    def __init__(self, config: TokenEncoderConfig, layout: Layout, window: int, channels: int, joints: int) -> None:
        super().__init__(config, layout, window, channels)
        if window % config.segment:
            raise ConfigError(f"window {window} is not a multiple of encoder.segment {config.segment}")
        if config.width % config.heads:
            raise ConfigError(f"encoder.width {config.width} is not a multiple of encoder.heads {config.heads}")
        self.slots, self.joints, self.width = window // config.segment, joints, config.width
        self.levels = config.depth + 1
        self.tokeniser = nn.Linear(config.segment * channels, config.width)
        self.positions = Positions(self.slots, joints, config.width)
        rates = torch.linspace(0, config.drop_path, config.depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.mlp_ratio, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width)
        self._absent = Remembered()
        init_linear(self.blocks)

    def sequences(self, batch: ClipBatch) -> Tensor:
        """Every body of every clip with all its joints: (B*M, T, V, C).

        Raises:
            LayoutMismatchError: clips of another shape than the encoder was built for.
        """
        T, V, C = batch.xyz.shape[2:]
        if (self.window, self.layout.num_joints, self.channels) != (T, V, C):
            raise LayoutMismatchError(
                f"the encoder reads {self.window} frames of {self.layout.num_joints} joints ({self.layout.name}) with "
                f"{self.channels} coordinates, the batch has {T} frames of {V} joints ({batch.layout.name}) with {C}"
            )
        return batch.xyz.flatten(0, 1)

    def level(self, parameter: str) -> int:
        """Tokeniser and positions, then block by block; the final norm counts with what is put on top."""
        block = re.match(r"blocks\.(\d+)\.", parameter)
        if block:
            return int(block.group(1)) + 1
        return self.levels if parameter.startswith("norm.") else 0

    def embed_all(self, sequences: Tensor) -> Tensor:
        """What the blocks read where nothing is hidden: (B, T, V, C) to (B, S*V, D)."""
        raise NotImplementedError

    def encode(self, tokens: Tensor) -> Tensor:
        """Blocks and final norm: (B, K, D) to (B, K, D)."""
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def features(self, batch: ClipBatch) -> Tensor:
        """Features (B, M, S, V, D); in evaluation, absent bodies and copies within a clip are computed once.

        That is exact, and two fifths of the bodies of NTU RGB+D are such (spec-masked §9). Without gradients, what
        becomes of an absent body is even kept for the next batch. In training all are computed, because stochastic
        depth treats each of them differently.
        """
        sequences, grid = self.sequences(batch), (self.slots, self.joints, self.width)
        if self.training:
            return self.encode(self.embed_all(sequences)).view(*batch.xyz.shape[:2], *grid)
        rows, who = distinct_bodies(batch.xyz)
        encode_all = self.encode_all if torch.is_grad_enabled() else self.encode_present
        return encode_all(sequences[rows])[who].view(*batch.xyz.shape[:2], *grid)

    def encode_all(self, sequences: Tensor) -> Tensor:
        """Tokens where nothing is hidden: (B, T, V, C) to (B, S*V, D)."""
        return self.encode(self.embed_all(sequences))

    def encode_present(self, sequences: Tensor) -> Tensor:
        """As `encode_all`, without computing absent bodies anew; without gradients."""
        present = sequences.flatten(1).any(dim=1)
        if present.all():
            return self.encode_all(sequences)
        absent = self._absent.of(self, lambda: self.encode_all(torch.zeros_like(sequences[:1])))
        encoded = absent.repeat(len(sequences), 1, 1)
        encoded[present] = self.encode_all(sequences[present])
        return encoded

    def relevance(self, batch: ClipBatch) -> Tensor:
        """Attention that every joint receives in every time slot from all tokens of its body, in the last block.

        (B, M, S, V); see `Encoder.relevance`. The map of the last block takes 4 H N² bytes per body.
        """
        rows, who = distinct_bodies(batch.xyz)
        attention = self.attention_received(self.sequences(batch)[rows])
        seen = batch.present.any(dim=2)[..., None, None]
        return of_largest(attention)[who].unflatten(0, batch.xyz.shape[:2]) * seen

    def attention_received(self, sequences: Tensor) -> Tensor:
        """Mean attention, in the last block, of all queries and heads to each joint: (B, T, V, C) to (B, S, V)."""
        tokens, last = self.embed_all(sequences), self.blocks[-1]
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        assert isinstance(last, Block)
        weights = last.attn.weights(last.norm1(tokens))
        return weights.mean(dim=(1, 2)).unflatten(1, (self.slots, self.joints))
