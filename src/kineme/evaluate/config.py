"""Settings of the evaluation that a recipe carries."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kineme.config import Config
from kineme.methods.supervised import SupervisedConfig
from kineme.train.config import TrainConfig
from kineme.transforms.settings import Augmentation


class LinearProbeConfig(Config):
    """Linear probe: one linear layer under SGD. Defaults are the masked family's (spec-masked §4); the contrastive
    family has no batch norm, a rate that falls in steps, and larger ones (spec-contrastive §11)."""

    epochs: Annotated[int, Field(ge=1)] = 100
    lr: Annotated[float, Field(gt=0)] = 0.1
    """At the start."""
    schedule: Literal["cosine", "steps"] = "cosine"
    """How the rate falls: to 0 along a cosine, or to a tenth at every step."""
    steps: tuple[Annotated[float, Field(ge=0)], ...] = ()
    """Epochs after which the rate of ``steps`` falls."""
    norm: bool = True
    """Batch norm without affine below the linear layer."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class NeighbourConfig(Config):
    """Nearest neighbours: how many vote, and how much those less similar count."""

    neighbours: tuple[Annotated[int, Field(ge=1)], ...] = (1, 5, 10, 20)
    """Numbers of neighbours to choose from."""
    default: Annotated[int, Field(ge=1)] = 5
    """Number that is reported when nothing is chosen."""
    temperature: Annotated[float, Field(gt=0)] = 0.07
    """A neighbour votes with exp(similarity / temperature), as in Wu et al., CVPR 2018 (instance discrimination)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default not in self.neighbours:
            raise ValueError(f"expected default to be one of {self.neighbours}, found {self.default}")
        return self


class RefineConfig(Config):
    """Training of the auto-encoder that refines features; rate and batch are AgRNet's (spec-agrnet §4.8)."""

    passes: Annotated[int, Field(ge=1)] = 100
    """Times that all training clips are shown; the authors allow 10 000."""
    look_passes: Annotated[int, Field(ge=1)] = 10
    """Passes between candidates; 100 there."""
    lr: Annotated[float, Field(gt=0)] = 1e-4
    batch_size: Annotated[int, Field(ge=1)] = 16


class FeatureConfig(Config):
    """How an encoder's features (B, M, S, V, D) become vectors, one per clip or several."""

    pool: Literal["mean", "joint", "moments"] = "mean"
    """``mean``: over bodies, slots and joints, as published. ``joint``: over bodies and slots; joints side by side.
    ``moments``: the mean, and beside it the standard deviations over slots and over joints."""
    views: Annotated[int, Field(ge=1)] = 1
    """Views of each clip: the first as evaluation sees it, further ones augmented as in the mildest view of the
    pretraining, its last. Probes train on one after another."""
    average: bool = False
    """Represent a clip by the mean over its views where it is not trained on: as a test clip, in kNN and retrieval."""
    standardise: bool = False
    """Scale every dimension by mean and standard deviation of the training clips before neighbours are looked for."""


class FineTuneConfig(Config):
    """Training the whole network on labels, under a new head; defaults are the masked family's (spec-masked §4), the
    contrastive family has its own (spec-contrastive §11)."""

    method: SupervisedConfig = SupervisedConfig()
    """Head and loss."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Stochastic depth of the encoder's last block, where the encoder has any."""
    augment: Augmentation | None = None
    """How clips are augmented; as in the mildest view of the pretraining, its last, where None."""
    train: TrainConfig = TrainConfig(
        epochs=100,
        batch_size=48,
        lr=3e-4,
        min_lr=1e-5,
        warmup_epochs=5,
        betas=(0.9, 0.999),
        layer_decay=0.8,
    )


class ClassifyConfig(Config):
    """How a trained classifier looks at test clips."""

    window_seconds: Annotated[float, Field(gt=0)] | None = None
    """Cut clips into consecutive windows of about this length and average the probabilities of their classes; a clip
    is seen at once where None."""
