"""HA-CM's encoder: a skeleton transformer over the outer joints, its tokens in the Poincaré ball (spec-masked §5)."""

from typing import ClassVar

import torch
from torch import Tensor

from kineme.encoders.base import encoders
from kineme.encoders.token_encoder import Positive, TokenEncoder, TokenEncoderConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.nn.poincare import to_ball
from kineme.nn.tokens import to_segments


class BallTransformerConfig(TokenEncoderConfig):
    """Sizes of the encoder and what it leaves out; defaults are HA-CM's."""

    name: str = "ball_transformer"
    segment: Positive = 3
    """Frames per token."""
    pruned: tuple[str, ...] = (
        "spine_base",
        "spine_mid",
        "spine_shoulder",
        "left_shoulder",
        "right_shoulder",
        "left_hip",
        "right_hip",
    )
    """Joints that get no tokens; names that a layout does not have count for nothing."""
    clamp_radius: bool = True
    """Pull all points to 1e-5 from the ball's border, so that rounding does not decide how far out they lie, as it
    does in the authors' code."""


@encoders.register("ball_transformer")
class BallTransformer(TokenEncoder):
    """Segment tokeniser, separable learned positions, map to the ball, pre-norm blocks, final norm.

    Each body is a sequence of its own. V' are the joints that are kept.

    Args:
        config: sizes.
        layout: joints of the clips; V.
        window: T; must be a multiple of the segment length.
        channels: C.

    Raises:
        ConfigError: sizes that do not fit together, or nothing to prune or to keep.
    """

    Config: ClassVar = BallTransformerConfig
    kept: Tensor
    pruned: Tensor

    def __init__(self, config: BallTransformerConfig, layout: Layout, window: int, channels: int = 3) -> None:
        pruned = [joint for joint in layout.joints if joint in config.pruned]
        if not 0 < len(pruned) < layout.num_joints:
            raise ConfigError(f"encoder.pruned names {len(pruned)} of the {layout.num_joints} joints of {layout.name}")
        kept = [joint for joint in layout.joints if joint not in pruned]
        super().__init__(config, layout, window, channels, len(kept))
        self.config = config
        self.register_buffer("kept", torch.tensor(layout.indices(tuple(kept))), persistent=False)
        self.register_buffer("pruned", torch.tensor(layout.indices(tuple(pruned))), persistent=False)

    def tokens(self, sequences: Tensor) -> Tensor:
        """Embedded tokens of the kept joints with positions: (B, T, V, C) to (B, S, V', D)."""
        embedded = self.tokeniser(to_segments(sequences[:, :, self.kept], self.config.segment))
        return (embedded + self.positions()).unflatten(1, (self.slots, -1))

    def pruned_tokens(self, sequences: Tensor) -> Tensor:
        """Embedded tokens of the pruned joints, without positions: (B, T, V, C) to (B, S, V - V', D)."""
        embedded = self.tokeniser(to_segments(sequences[:, :, self.pruned], self.config.segment))
        return embedded.unflatten(1, (self.slots, -1))

    def to_ball(self, x: Tensor) -> Tensor:
        """Vectors as points of the ball, in float32: (..., D) to (..., D)."""
        return to_ball(x, clamp=self.config.clamp_radius)

    def embed_all(self, sequences: Tensor) -> Tensor:
        return self.to_ball(self.tokens(sequences)).flatten(1, 2)

    def attention_received(self, sequences: Tensor) -> Tensor:
        """As of the other encoders; joints without tokens receive none."""
        of_kept = super().attention_received(sequences)
        of_all = of_kept.new_zeros(*of_kept.shape[:2], self.layout.num_joints)
        return of_all.index_copy(2, self.kept, of_kept)
