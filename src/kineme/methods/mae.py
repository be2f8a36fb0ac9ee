"""MAE: hide random tokens of a skeleton sequence and predict their coordinates.

The baseline of Mao et al., "Masked Motion Predictors are Strong 3D Action Representation Learners", ICCV 2023.
"""

from typing import ClassVar

from torch import Tensor

from kineme.methods.base import methods
from kineme.methods.masked import MaskedConfig, MaskedPrediction


class MAEConfig(MaskedConfig):
    """Settings of MAE."""

    name: str = "mae"


@methods.register("mae")
class MAE(MaskedPrediction):
    """Random masks, coordinate targets."""

    Config: ClassVar = MAEConfig

    def target(self, x: Tensor) -> Tensor:
        return x

    def mask_key(self, segments: Tensor, uniform: Tensor) -> Tensor:
        return uniform
