"""The skeleton transformer of the masked family: tokens of one joint over a few frames (spec-masked §2)."""

from typing import ClassVar

from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders.base import encoders
from kineme.encoders.token_encoder import TokenEncoder, TokenEncoderConfig
from kineme.layout import Layout
from kineme.nn.tokens import take_tokens, to_segments


class SkeletonTransformerConfig(TokenEncoderConfig):
    """Sizes of the encoder; defaults are MAMP's."""

    name: str = "skeleton_transformer"


@encoders.register("skeleton_transformer")
class SkeletonTransformer(TokenEncoder):
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
        super().__init__(config, layout, window, channels, layout.num_joints)
        self.config = config

    @property
    def num_tokens(self) -> int:
        """L = S * V."""
        return self.slots * self.layout.num_joints

    def segments(self, batch: ClipBatch) -> Tensor:
        """Raw tokens of every body of every clip: (B*M, L, segment*C)."""
        return to_segments(self.sequences(batch), self.config.segment)

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

    def embed_all(self, sequences: Tensor) -> Tensor:
        return self.embed(to_segments(sequences, self.config.segment))
