"""ST-GCN, the graph network of the contrastive family (Yan et al., AAAI 2018; spec-contrastive §3)."""

import re
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, EncoderConfig, encoders
from kineme.encoders.token_encoder import Positive
from kineme.errors import LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.bodies import distinct_bodies
from kineme.nn.graph import Strategy, layout_adjacency
from kineme.nn.stgcn import GraphBlock

_HALVE_TIME = (4, 7)


class STGCNConfig(EncoderConfig):
    """Sizes of the encoder; defaults are those of SkeletonCLR, CrosSCLR, AimCLR and ActCLR."""

    name: str = "stgcn"
    hidden_channels: Positive = 16
    """Features of the first four blocks, doubled and doubled again by later ones; 64 in the ST-GCN of supervised
    learning."""
    width: Positive = 256
    """D, features of the last block."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Of what a block adds; the first drops nothing."""
    strategy: Strategy = "spatial"
    """How a joint's neighbours are split into partitions with weights of their own: ``uniform``, not at all;
    ``distance``, the joint itself apart; ``spatial``, besides, neighbours nearer to the body's centre apart."""
    edge_importance: bool = True
    """Whether every block learns a factor for each edge."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Features of every block."""
        h = self.hidden_channels
        return (h,) * 4 + (2 * h,) * 3 + (4 * h,) * 2 + (self.width,)


@encoders.register("stgcn")
class STGCN(Encoder):
    """Batch norm of all coordinates, then ten blocks, two of which halve the frame rate: S = ceil(T / 4).

    Each body is a sequence of its own; bodies share statistics, and absent ones count as zeros. It reads windows of
    any length.

    Args:
        config: sizes.
        layout: joints; V. Its gcn parents are the edges.
        window: T.
        channels: C.

    Raises:
        LayoutError: a layout whose gcn parents have several centres.
    """

    Config: ClassVar = STGCNConfig
    adjacency: Tensor

    def __init__(self, config: STGCNConfig, layout: Layout, window: int, channels: int = 3) -> None:
        super().__init__(config, layout, window, channels)
        self.config = config
        self.joints, self.width = layout.num_joints, config.width
        adjacency = torch.from_numpy(layout_adjacency(layout, config.strategy)).float()
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.input_norm = nn.BatchNorm1d(self.joints * channels)
        self.blocks = nn.ModuleList(self._block(i) for i in range(len(config.widths)))
        self.levels = len(self.blocks) + 1

    def _block(self, i: int) -> GraphBlock:
        widths = (self.channels, *self.config.widths)
        return GraphBlock(
            widths[i],
            widths[i + 1],
            partitions=len(self.adjacency),
            joints=self.joints,
            stride=2 if i in _HALVE_TIME else 1,
            dropout=self.config.dropout if i else 0.0,
            is_first=i == 0,
            edge_importance=self.config.edge_importance,
        )

    def level(self, parameter: str) -> int:
        """The input's batch norm, then block by block."""
        block = re.match(r"blocks\.(\d+)\.", parameter)
        return int(block.group(1)) + 1 if block else 0

    def sequences(self, batch: ClipBatch) -> Tensor:
        """Every body of every clip: (B*M, T, V, C).

        Raises:
            LayoutMismatchError: clips of other joints or coordinates than the encoder was built for.
        """
        V, C = batch.xyz.shape[3:]
        if (self.joints, self.channels) != (V, C):
            raise LayoutMismatchError(
                f"the encoder reads {self.joints} joints ({self.layout.name}) with {self.channels} coordinates, the "
                f"batch has {V} ({batch.layout.name}) with {C}"
            )
        return batch.xyz.flatten(0, 1)

    def normalise(self, sequences: Tensor) -> Tensor:
        """What the blocks read: (N, T, V, C) to a channels-last map (N, C, T, V)."""
        N, T, V, C = sequences.shape
        return self.input_norm(sequences.reshape(N * T, V * C)).view(N, T, V, C).permute(0, 3, 1, 2)

    def encode(self, sequences: Tensor) -> Tensor:
        """(N, T, V, C) to (N, S, V, D)."""
        x = self.normalise(sequences)
        for block in self.blocks:
            x = block(x, self.adjacency)
        return x.permute(0, 2, 3, 1)

    def features(self, batch: ClipBatch) -> Tensor:
        """Features (B, M, S, V, D); in evaluation, absent bodies and copies within a clip are computed once.

        In training they are all computed, because they all count in the statistics of batch norms (spec-contrastive
        §3).
        """
        sequences, bodies = self.sequences(batch), batch.xyz.shape[:2]
        if self.training:
            return self.encode(sequences).unflatten(0, bodies)
        rows, who = distinct_bodies(batch.xyz)
        return self.encode(sequences[rows])[who].unflatten(0, bodies)
