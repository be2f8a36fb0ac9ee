"""STJD-MP: hide the tokens whose joint density changes and predict the motion of the hidden ones.

Gunasekara et al., "Spatio-Temporal Joint Density Driven Learning for Skeleton-Based Action Recognition", IEEE T-BIOM
2025. MAMP with another score, as the authors' code has it (spec-stjd §4).
"""

from typing import ClassVar

from torch import Tensor

from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.methods.base import methods
from kineme.methods.mamp import MAMP, MAMPConfig
from kineme.nn.density import RELEASE, JointDensity
from kineme.nn.prime_joints import change_score


class STJDMPConfig(MAMPConfig):
    """Settings of STJD-MP."""

    name: str = "stjd_mp"
    decoder_depth: Positive = 5


@methods.register("stjd_mp")
class STJDMP(MAMP):
    """Density-aware masks, motion targets.

    The density is a fixed random function of the tokens: no gradient passes the choice of a mask, so that it is never
    trained. It is saved with the weights, or a resumed run would hide other tokens.

    Args:
        config: settings.
        encoder: a `SkeletonTransformer`.
    """

    Config: ClassVar = STJDMPConfig

    def __init__(self, config: STJDMPConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        channels = self.encoder.config.segment * self.encoder.channels
        self.density = JointDensity(RELEASE, self.encoder.layout.num_joints, channels)

    def intensity(self, segments: Tensor) -> Tensor:
        """How much the density of each token's joint changes since the segment before; zero in the first.

        Args:
            segments: (B, S*V, segment*C).

        Returns:
            (B, S*V).
        """
        slots = segments.unflatten(1, (-1, self.encoder.layout.num_joints))
        return change_score(self.density(slots)).flatten(1)
