"""Settings of the frozen evaluation that a recipe carries."""

from typing import Annotated, Literal

from pydantic import Field

from kineme.config import Config


class LinearProbeConfig(Config):
    """The masked family's linear probe: batch norm without affine, one linear layer, SGD (spec-masked §4)."""

    epochs: Annotated[int, Field(ge=1)] = 100
    lr: Annotated[float, Field(gt=0)] = 0.1
    """Falls to 0 along a cosine."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    views: Annotated[int, Field(ge=1)] = 1
    """Cached training views per clip: the first as in evaluation, further ones augmented."""


class FeatureConfig(Config):
    """How an encoder's features (B, M, S, V, D) become one vector per clip."""

    pool: Literal["mean", "joint"] = "mean"
    """``mean``: over bodies, slots and joints, as published. ``joint``: over bodies and slots; joints side by side."""
    standardise: bool = False
    """Scale every dimension by mean and standard deviation of the training clips before kNN and retrieval."""
