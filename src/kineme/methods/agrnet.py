"""AgRNet: a recurrent decoder must regenerate each stream from the feature alone.

Yin, Zhang, Huang, He and Cao, IEEE Transactions on Artificial Intelligence, 2024 (spec-agrnet §4.6 f., §5). A
re-implementation from the published description. The authors' driver never trains its attention layers, which is mode
``reference``; the default, which trains everything to regenerate the input, is ours.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.agrnet import AgRNetEncoder, TwoStreams
from kineme.errors import ConfigError
from kineme.losses.reconstruction import masked_l1
from kineme.methods.base import Method, MethodConfig, Progress, StepOutput, methods
from kineme.nn.recurrent import Cell, StateCell, decoder_cell, read_out, regenerate
from kineme.transforms.base import NO_DRAWS, Draws

Mode = Literal["end2end", "reference", "detached"]


class AgRNetConfig(MethodConfig):
    """Settings of AgRNet."""

    name: str = "agrnet"
    mode: Mode = "end2end"
    """``end2end``: everything learns, and what is regenerated is the input, averaged to as many steps as a stream has
    left. ``reference``, the driver: attention layers stay as initialised, their output is regenerated, and the streams
    learn in turn, one per step. ``detached``: everything learns to regenerate that output, for comparison; features
    become worse."""
    temporal_cell: Cell = "rnn"
    """Of the temporal stream's decoder."""
    spatial_cell: Cell = "gru"
    """Of the spatial stream's decoder."""


class Regeneration(nn.Module):
    """Fixed-state decoders of all streams, and how far what they regenerate is from what they should.

    Args:
        network: whose features are decoded.
        config: settings.

    Raises:
        ConfigError: streams that share, but regenerate tokens of different width.
    """

    def __init__(self, network: TwoStreams, config: AgRNetConfig) -> None:
        super().__init__()
        self.of_input = config.mode == "end2end"
        if self.of_input and network.is_shared:
            raise ConfigError(
                "encoder.share_streams makes streams share their read-out, which mode end2end has no one width for; "
                "set it false, or method.mode reference"
            )
        streams = {name: network.stream(name) for name in network.names}
        widths = {name: each.channels if self.of_input else each.width for name, each in streams.items()}
        cells: dict[str, Cell] = {"temporal": config.temporal_cell, "spatial": config.spatial_cell}
        self.cells = nn.ModuleDict({name: decoder_cell(cells[name], widths[name], network.state) for name in widths})
        self.read_outs = nn.ModuleDict(
            {network.owner(name): read_out(network.state, width) for name, width in widths.items()}
        )

    def target(self, tokens: Tensor, encoded: Tensor) -> Tensor:
        """What is to be regenerated (B, L', C), of a stream's tokens (B, L, C) and attention features (B, L', D)."""
        if self.of_input:
            return F.adaptive_avg_pool1d(tokens.mT, encoded.shape[1]).mT
        return encoded.detach()

    def forward(self, network: TwoStreams, stream: str, tokens: Tensor, encoded: Tensor) -> Tensor:
        """Loss () of one stream; its first step is given."""
        target, state = self.target(tokens, encoded), network.summarise(stream, encoded)
        cell, change = self.cells[stream], self.read_outs[network.owner(stream)]
        assert isinstance(cell, StateCell)
        made = regenerate(cell, change, target[:, 0], state, target.shape[1] - 1)
        return masked_l1(made, target[:, 1:])


@methods.register("agrnet")
class AgRNet(Method):
    """`AgRNetEncoder`, and decoders that only training needs.

    With PFM switched off, decoders start from the mean over tokens instead, in the same way. Bodies that a clip does
    not have count as sequences without error.

    Args:
        config: settings.
        encoder: an `AgRNetEncoder`.

    Raises:
        ConfigError: another encoder, a mode that leaves nothing to learn, or streams that cannot share.
    """

    Config: ClassVar = AgRNetConfig

    def __init__(self, config: AgRNetConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if not isinstance(encoder, AgRNetEncoder):
            raise ConfigError(f"{config.name} reads the streams of an agrnet encoder, not of {type(encoder).__name__}")
        if config.mode == "reference" and not encoder.config.pfm:
            raise ConfigError(
                "mode reference leaves attention as it is, so that without encoder.pfm no feature learns; set "
                "method.mode end2end"
            )
        self.encoder: AgRNetEncoder = encoder
        self.config = config
        self.regeneration = Regeneration(encoder.network, config)
        if self.is_frozen:
            encoder.network.streams.requires_grad_(False)
        self.train()

    @property
    def is_frozen(self) -> bool:
        """Whether attention layers stay as they are, in evaluation mode."""
        return self.config.mode == "reference"

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.encoder.network.streams.train(mode and not self.is_frozen)
        return self

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Keys that every sparse layer samples, (L, U) int64; none where attention is frozen."""
        return NO_DRAWS if self.is_frozen else self.encoder.network.sample(generator, views[0].xyz)

    def streams_of(self, step: int) -> Sequence[str]:
        """Streams that learn in a step."""
        names = self.encoder.network.names
        return (names[step % len(names)],) if self.is_frozen else names

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        (batch,) = views
        network, valid = self.encoder.network, self.encoder.valid(batch)
        tokens, losses = network.tokens(self.encoder.sequences(batch)), {}
        for name in self.streams_of(progress.step):
            encoded = network.encode(name, tokens[name], draws, valid)
            losses[name] = self.regeneration(network, name, tokens[name], encoded)
        logs = {name: loss.detach() for name, loss in losses.items()}
        return StepOutput(loss=sum(losses.values(), start=tokens["temporal"].new_zeros(())), logs=logs)
