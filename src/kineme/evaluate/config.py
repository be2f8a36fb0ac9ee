"""Settings of the evaluation that a recipe carries."""

from typing import Annotated, Literal

from pydantic import Field

from kineme.config import Config
from kineme.methods.supervised import SupervisedConfig
from kineme.train.config import TrainConfig


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


class FineTuneConfig(Config):
    """Training the whole network on labels, under a new head; defaults are the masked family's (spec-masked §4)."""

    method: SupervisedConfig = SupervisedConfig()
    """Head and loss."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Stochastic depth of the encoder's last block, where the encoder has any."""
    train: TrainConfig = TrainConfig(
        epochs=100,
        batch_size=48,
        lr=3e-4,
        min_lr=1e-5,
        warmup_epochs=5,
        betas=(0.9, 0.999),
        layer_decay=0.8,
    )
