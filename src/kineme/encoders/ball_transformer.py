"""HA-CM's encoder: a skeleton transformer over the outer joints, its tokens in the Poincaré ball (spec-masked §5)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, encoders
from kineme.encoders.skeleton_transformer import Positive, SkeletonTransformerConfig
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.poincare import to_ball
from kineme.nn.tokens import Positions, to_segments
from kineme.nn.transformer import Block, init_linear


class BallTransformerConfig(SkeletonTransformerConfig):
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
    clamp_radius: bool = False
    """Pull all points to 1e-5 from the ball's border, so that rounding does not decide how far out they lie."""


@encoders.register("ball_transformer")
class BallTransformer(Encoder):
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
        super().__init__(config, layout, window, channels)
        if window % config.segment:
            raise ConfigError(f"window {window} is not a multiple of encoder.segment {config.segment}")
        if config.width % config.heads:
            raise ConfigError(f"encoder.width {config.width} is not a multiple of encoder.heads {config.heads}")
        pruned = [joint for joint in layout.joints if joint in config.pruned]
        if not 0 < len(pruned) < layout.num_joints:
            raise ConfigError(f"encoder.pruned names {len(pruned)} of the {layout.num_joints} joints of {layout.name}")
        kept = [joint for joint in layout.joints if joint not in pruned]
        self.register_buffer("kept", torch.tensor(layout.indices(tuple(kept))), persistent=False)
        self.register_buffer("pruned", torch.tensor(layout.indices(tuple(pruned))), persistent=False)
        self.config, self.layout = config, layout
        self.window, self.channels = window, channels
        self.slots, self.joints = window // config.segment, len(kept)
        self.tokeniser = nn.Linear(config.segment * channels, config.width)
        self.positions = Positions(self.slots, self.joints, config.width)
        rates = torch.linspace(0, config.drop_path, config.depth).tolist()
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.mlp_ratio, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width)
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

    def encode(self, points: Tensor) -> Tensor:
        """Blocks and final norm: (B, K, D) points of the ball to (B, K, D)."""
        for block in self.blocks:
            points = block(points)
        return self.norm(points)

    def features(self, batch: ClipBatch) -> Tensor:
        B, M = batch.xyz.shape[:2]
        points = self.to_ball(self.tokens(self.sequences(batch)))
        return self.encode(points.flatten(1, 2)).view(B, M, self.slots, self.joints, -1)
