"""AgRNet: two views of the same coordinates, each through sparse attention and a recurrent network.

Yin, Zhang, Huang, He and Cao, IEEE Transactions on Artificial Intelligence, 2024, doi 10.1109/TAI.2024.3430257. A
re-implementation from the published description: the abstract, and the authors' driver, which calls modules that are
not published (spec-agrnet §2). Sizes and the order of modules are the driver's; what each is, is told where it is.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders.base import Encoder, EncoderConfig, encoders
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.bodies import distinct_bodies
from kineme.nn.recurrent import Cell, MeanState, RecurrentEncoder
from kineme.nn.relevance import of_largest
from kineme.nn.stream_encoder import StreamConfig, StreamEncoder, under
from kineme.transforms.base import NO_DRAWS, Draws

Tokens = Mapping[str, Tensor]
"""Something of every stream, by its name."""


class AgRNetEncoderConfig(StreamConfig, EncoderConfig):
    """Sizes of the encoder, and a switch for each module; the driver's but for `share_streams`, which it has on."""

    name: str = "agrnet"
    pfm: bool = True
    """A recurrent network summarises each stream; the mean over its tokens where off."""
    hidden: Annotated[int, Field(ge=2, multiple_of=2)] = 2048
    """R, recurrent units of both directions together."""
    rnn_layers: Annotated[int, Field(ge=1)] = 3
    cell: Cell = "rnn"
    """Of the recurrent encoder; ``gru`` in the predecessor, "Predict & Cluster"."""
    share_streams: bool = False
    """One recurrent network for both streams, as it happens in the driver by automatic reuse of variables."""


class TwoStreams(nn.Module):
    """Sequences (B, L, C) to one vector each (B, R * streams).

    The temporal stream reads L tokens of C values, the spatial stream the C channels as tokens of L values. Where there
    are too few channels for the layers it is left out, as for a series of one channel.

    Args:
        config: settings.
        length: L.
        channels: C.

    Attributes:
        state: R, features per stream.
        width: features of all streams.

    Raises:
        ConfigError: too few frames for the layers, or sizes that do not fit together.
    """

    def __init__(self, config: AgRNetEncoderConfig, length: int, channels: int) -> None:
        super().__init__()
        sizes = {"temporal": (length, channels)}
        if channels >= config.shortest:
            sizes["spatial"] = (channels, length)
        self.streams = nn.ModuleDict({name: StreamEncoder(config, *size) for name, size in sizes.items()})
        self.names, self.is_shared = tuple(sizes), config.share_streams
        self.summaries = nn.ModuleDict({self.owner(name): _summary(config) for name in sizes})
        self.state = config.hidden if config.pfm else config.width
        self.width = self.state * len(sizes)

    def owner(self, stream: str) -> str:
        """Under which name a stream finds what streams may share."""
        return "both" if self.is_shared else stream

    def stream(self, name: str) -> StreamEncoder:
        """One of the streams."""
        stream = self.streams[name]
        assert isinstance(stream, StreamEncoder)
        return stream

    def tokens(self, sequences: Tensor) -> Tokens:
        """What each stream reads: (B, L, C), and the same the other way round."""
        views = {"temporal": sequences, "spatial": sequences.mT}
        return {name: views[name] for name in self.names}

    def sample(self, generator: Generator, like: Tensor) -> Draws:
        """Keys that the sparse layers of both streams sample, as in ``temporal.0.0``."""
        return {
            f"{name}.{layer}": index
            for name in self.names
            for layer, index in self.stream(name).sample(generator, like).items()
        }

    def encode(self, stream: str, tokens: Tensor, draws: Draws = NO_DRAWS, valid: Tensor | None = None) -> Tensor:
        """Attention features (B, L', D) of a stream's tokens.

        Args:
            stream: its name.
            tokens: (B, L, C).
            draws: of `sample`, all of them; fixed ones in evaluation where there are none.
            valid: (B, frames) bool, frames that are no padding; all where None.
        """
        return self.streams[stream](tokens, under(stream, draws), valid if stream == "temporal" else None)

    def summarise(self, stream: str, encoded: Tensor) -> Tensor:
        """A stream's feature (B, R) of what `encode` gave."""
        return self.summaries[self.owner(stream)](encoded)

    def forward(self, sequences: Tensor, draws: Draws = NO_DRAWS, valid: Tensor | None = None) -> Tensor:
        """Features of all streams side by side, (B, R * streams)."""
        tokens = self.tokens(sequences)
        encoded = {name: self.encode(name, tokens[name], draws, valid) for name in self.names}
        return torch.cat([self.summarise(name, encoded[name]) for name in self.names], dim=-1)


def _summary(config: AgRNetEncoderConfig) -> nn.Module:
    if not config.pfm:
        return MeanState()
    return RecurrentEncoder(config.width, config.hidden, config.rnn_layers, config.cell)


@encoders.register("agrnet")
class AgRNetEncoder(Encoder):
    """`TwoStreams` of every body's coordinates; one vector per body, so that S = V = 1.

    Args:
        config: settings.
        layout: joints of the clips.
        window: T.
        channels: C.

    Raises:
        ConfigError: too few frames for the layers, or sizes that do not fit together.
    """

    Config: ClassVar = AgRNetEncoderConfig

    def __init__(self, config: AgRNetEncoderConfig, layout: Layout, window: int, channels: int = 3) -> None:
        super().__init__(config, layout, window, channels)
        self.config = config
        self.network = TwoStreams(config, window, layout.num_joints * channels)
        self.joints, self.width = 1, self.network.width

    def sequences(self, batch: ClipBatch) -> Tensor:
        """Every body of every clip: (B*M, T, V*C).

        Raises:
            LayoutMismatchError: clips of another shape than the encoder was built for.
        """
        T, V, C = batch.xyz.shape[2:]
        if (self.window, self.layout.num_joints, self.channels) != (T, V, C):
            raise LayoutMismatchError(
                f"the encoder reads {self.window} frames of {self.layout.num_joints} joints ({self.layout.name}) with "
                f"{self.channels} coordinates, the batch has {T} frames of {V} joints ({batch.layout.name}) with {C}"
            )
        return batch.xyz.flatten(3).flatten(0, 1)

    def valid(self, batch: ClipBatch) -> Tensor | None:
        """Frames of every body that are no padding, (B*M, T) bool; None where padding is not masked."""
        if not self.config.mask_padding:
            return None
        inside = torch.arange(self.window, device=batch.length.device) < batch.length[:, None]
        return inside.repeat_interleave(batch.xyz.shape[1], dim=0)

    def features(self, batch: ClipBatch) -> Tensor:
        """Features (B, M, 1, 1, D); in evaluation, absent bodies and copies within a clip are computed once.

        Keys are sampled from a fixed seed in evaluation, and from torch's own generator in training.
        """
        sequences, grid = self.sequences(batch), (*batch.xyz.shape[:2], 1, 1, self.width)
        if self.training or self.config.mask_padding:
            return self.network(sequences, valid=self.valid(batch)).view(grid)
        rows, who = distinct_bodies(batch.xyz)
        return self.network(sequences[rows])[who].view(grid)

    @torch.no_grad()
    def relevance(self, batch: ClipBatch) -> Tensor:
        """Attention that every joint receives in the first layer of the spatial stream, (B, M, 1, V).

        The sum over a joint's coordinates, each of which is a token; see `Encoder.relevance`.

        Raises:
            ConfigError: too few coordinates for a spatial stream.
        """
        tokens = self.network.tokens(self.sequences(batch))
        if "spatial" not in tokens:
            raise ConfigError(f"{self.layout.name} has too few joints for the spatial stream, which attends to them")
        weights = self.network.stream("spatial").first_map(tokens["spatial"])
        received = weights.mean(dim=(1, 2)).unflatten(-1, (-1, self.channels)).sum(dim=-1)
        seen = batch.present.any(dim=2)[..., None, None]
        return of_largest(received).unflatten(0, batch.xyz.shape[:2]).unsqueeze(2) * seen
