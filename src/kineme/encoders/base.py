"""What every encoder offers, so that any protocol can evaluate any method."""

from typing import ClassVar

from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.config import NamedConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.registry import Registry


class EncoderConfig(NamedConfig):
    """Base of encoder settings; ``name`` says which encoder they belong to."""


class Encoder(nn.Module):
    """Clips to features.

    Subclasses take ``(config, layout, window, channels)``.

    Attributes:
        layout: joints of the clips.
        window: T of the clips.
        channels: C of the clips.
        joints: V of the features.
        width: D of the features.
        levels: levels of parameters for layer-wise decay of the learning rate; what is put on top comes after them.
    """

    Config: ClassVar[type[EncoderConfig]]
    layout: Layout
    window: int
    channels: int
    joints: int
    width: int
    levels: int = 1

    def __init__(self, config: EncoderConfig, layout: Layout, window: int, channels: int) -> None:
        super().__init__()
        self.layout, self.window, self.channels = layout, window, channels

    def features(self, batch: ClipBatch) -> Tensor:
        """Features of every body, time slot and joint, before any pooling: (B, M, S, V, D)."""
        raise NotImplementedError

    def relevance(self, batch: ClipBatch) -> Tensor:
        """Attention that every joint receives in every time slot: (B, M, S, V), V the layout's joints, all of them.

        The mean over heads and queries, relative to the joint that receives most; so 1 is the largest of every body and
        slot, and bodies that are in no frame have zeros. To be asked of an encoder in evaluation mode.

        Raises:
            ConfigError: an encoder without attention.
        """
        able = [name for name, kind in encoders.items() if kind.relevance is not Encoder.relevance]
        raise ConfigError(
            f"{type(self).__name__} has no attention that joints could receive; encoders that have: {', '.join(able)}"
        )

    def level(self, parameter: str) -> int:
        """Level of a parameter by its name within the encoder; 0 is next to the clips."""
        return 0


encoders: Registry[type[Encoder]] = Registry("encoder", "kineme.encoders")
