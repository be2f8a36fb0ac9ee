"""MAMP: hide the tokens that move and predict the motion of the hidden ones.

Mao et al., "Masked Motion Predictors are Strong 3D Action Representation Learners", ICCV 2023. Where the paper and
the authors' code differ, this is the code (spec-masked §3.2).
"""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.methods.base import methods
from kineme.methods.masked import MaskedConfig, MaskedPrediction
from kineme.transforms.streams import displacement

_TINY = 1e-10


class MAMPConfig(MaskedConfig):
    """Settings of MAMP."""

    name: str = "mamp"
    tau: Annotated[float, Field(ge=0)] = 0.8
    """Temperature of motion-aware masking; 0 masks at random."""
    motion_stride: Positive = 1
    """Frames between the two poses whose difference is predicted."""


def motion_intensity(segments: Tensor, num_joints: int) -> Tensor:
    """How much each token moves: mean absolute change since the segment before; the first copies the second.

    Args:
        segments: (B, S*V, segment*C).
        num_joints: V.

    Returns:
        (B, S*V).
    """
    slots = segments.unflatten(1, (-1, num_joints))
    change = (slots[:, 1:] - slots[:, :-1]).abs().mean(dim=-1)
    return torch.cat([change[:, :1], change], dim=1).flatten(1)


def mask_log_probability(intensity: Tensor, tau: float) -> Tensor:
    """Log-probability with which motion-aware masking prefers to hide each token: (B, L) to (B, L)."""
    return scaled_intensity(intensity, tau).log_softmax(dim=1)


def scaled_intensity(intensity: Tensor, tau: float) -> Tensor:
    """Intensity over tau times the largest of its body sequence: (B, L) to (B, L)."""
    return intensity / (tau * intensity.amax(dim=1, keepdim=True) + _TINY)


@methods.register("mamp")
class MAMP(MaskedPrediction):
    """Motion-aware masks, motion targets.

    Args:
        config: settings.
        encoder: a `SkeletonTransformer`.
    """

    Config: ClassVar = MAMPConfig

    def __init__(self, config: MAMPConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if self.encoder.slots < 2:
            raise ConfigError(
                f"{config.name} compares segments; a window of {self.encoder.window} frames holds only one"
            )
        self.tau = config.tau
        self.motion_stride = config.motion_stride

    def target(self, x: Tensor) -> Tensor:
        return displacement(x, self.motion_stride, time_axis=1)

    def intensity(self, segments: Tensor) -> Tensor:
        """(B, L) score of tokens (B, L, segment*C); those with large ones are hidden first."""
        return motion_intensity(segments, self.encoder.layout.num_joints)

    def mask_key(self, segments: Tensor, uniform: Tensor) -> Tensor:
        if self.tau == 0:
            return uniform
        gumbel = -(-(uniform + _TINY).log() + _TINY).log()
        return mask_log_probability(self.intensity(segments), self.tau) + gumbel
