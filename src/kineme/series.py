"""AgRNet's network for series of any kind: forecasts, classes, or features for nearest neighbours (spec-agrnet §8).

The paper claims results on "various time-series tasks" without saying which; heads, losses and the rule for short
channel lists are ours.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.encoders.agrnet import AgRNetEncoderConfig, TwoStreams
from kineme.errors import ConfigError
from kineme.methods.agrnet import AgRNetConfig, Regeneration
from kineme.nn.stream_encoder import StreamEncoder

Task = Literal["forecast", "classify", "features"]


class AgRNetSeries(nn.Module):
    """Series (B, L, C) to what the task asks for.

    ``forecast``: the next values (B, horizon, C), by a linear layer on the tokens of the temporal stream, which is all
    there is then. ``classify``: class scores (B, K), by a linear layer on the features. ``features``: vectors (B, D) to
    be compared by cosine, learned without labels by regenerating the input. The spatial stream, whose tokens are
    channels, is left out where there are too few of them for its layers.

    Args:
        in_channels: C.
        length: L.
        task: what is asked for.
        horizon: steps that are forecast.
        num_classes: K.
        config: sizes; the published ones are large.

    Raises:
        ConfigError: a series too short for the layers, sizes that do not fit together, or settings of skeletons alone.
    """

    def __init__(
        self,
        in_channels: int,
        length: int,
        task: Task = "features",
        *,
        horizon: int = 1,
        num_classes: int = 2,
        config: AgRNetEncoderConfig | None = None,
    ) -> None:
        super().__init__()
        config = config or AgRNetEncoderConfig()
        if config.mask_padding:
            raise ConfigError("series have no padding; switch mask_padding off")
        self.shape, self.task, self.horizon = (length, in_channels), task, horizon
        self.network: StreamEncoder | TwoStreams = (
            StreamEncoder(config, length, in_channels)
            if task == "forecast"
            else TwoStreams(config, length, in_channels)
        )
        self.head = self._head(config, num_classes)

    def _head(self, config: AgRNetEncoderConfig, num_classes: int) -> nn.Module:
        if isinstance(self.network, StreamEncoder):
            return nn.Linear(self.network.length * config.width, self.horizon * self.shape[1])
        if self.task == "classify":
            return nn.Linear(self.network.width, num_classes)
        return Regeneration(self.network, AgRNetConfig())

    def forward(self, series: Tensor) -> Tensor:
        """Forecast (B, horizon, C), class scores (B, K) or features (B, D) of series (B, L, C).

        Raises:
            ConfigError: series of another shape than the network was built for.
        """
        if series.shape[1:] != self.shape:
            raise ConfigError(f"expected series of (length, channels) {self.shape}, found {tuple(series.shape[1:])}")
        encoded = self.network(series)
        if self.task == "forecast":
            return self.head(encoded.flatten(1)).unflatten(1, (self.horizon, -1))
        return self.head(encoded) if self.task == "classify" else encoded

    def loss(self, series: Tensor, target: Tensor | None = None) -> Tensor:
        """What to minimise, ().

        Args:
            series: (B, L, C).
            target: the next values (B, horizon, C) or classes (B,) int64; none where features are learned.

        Raises:
            ConfigError: a target is missing, or given where there is nothing to compare it with.
        """
        if (target is None) != (self.task == "features"):
            raise ConfigError(f"task {self.task} {'needs a' if target is None else 'has no'} target")
        if target is None:
            return self._regeneration_loss(series)
        made = self(series)
        return F.mse_loss(made, target) if self.task == "forecast" else F.cross_entropy(made, target)

    def _regeneration_loss(self, series: Tensor) -> Tensor:
        assert isinstance(self.network, TwoStreams)
        tokens = self.network.tokens(series)
        losses = [self.head(self.network, name, x, self.network.encode(name, x)) for name, x in tokens.items()]
        return torch.stack(losses).sum()
