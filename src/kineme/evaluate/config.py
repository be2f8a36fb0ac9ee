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


class FeatureConfig(Config):
    """How an encoder's features (B, M, S, V, D) become vectors, one per clip or several."""

    pool: Literal["mean", "joint", "moments"] = "mean"
    """``mean``: over bodies, slots and joints, as published. ``joint``: over bodies and slots; joints side by side.
    ``moments``: the mean, and beside it the standard deviations over slots and over joints."""
    views: Annotated[int, Field(ge=1)] = 1
    """Views of each clip: the first as evaluation sees it, further ones augmented as in pretraining. Probes train on
    one after another."""
    average: bool = False
    """Represent a clip by the mean over its views where it is not trained on: as a test clip, in kNN and retrieval."""
    standardise: bool = False
    """Scale every dimension by mean and standard deviation of the training clips before kNN and retrieval."""
