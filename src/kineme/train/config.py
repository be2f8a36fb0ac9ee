"""Settings of the training loop."""

from typing import Annotated, Literal

from pydantic import Field

from kineme.config import Config

NonNegative = Annotated[float, Field(ge=0)]
Precision = Literal["32-true", "bf16-mixed"]


class Start(Config):
    """Weights that a run starts from."""

    weights: str | None = None
    """Folder of a run, or a file of weights; freshly initialised where None."""
    scope: Literal["all_matching", "encoder"] = "all_matching"
    """Everything that has its place in the new networks, or the encoder alone."""


class Subset(Config):
    """Which of a split's training clips are trained on."""

    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the clips, drawn at random."""
    rule: Literal["balanced", "published"] = "balanced"
    """``balanced``: the share of every class, at least one clip. ``published``: of all clips together, as the masked
    family's code draws them, so that a class may come away empty."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the drawing; larger shares of one seed contain the smaller ones."""
    hold_out: bool = False
    """Leave out the clips of validation subjects."""


class TrainConfig(Config):
    """Optimiser, schedule and length of a run; defaults are MAMP's pretraining (spec-masked §3.3)."""

    epochs: Annotated[int, Field(ge=1)] = 400
    """Length of the schedule."""
    stop_epoch: Annotated[int, Field(ge=1)] | None = None
    """End after this epoch although the schedule is longer."""
    batch_size: Annotated[int, Field(ge=1)] = 128
    """Clips per optimiser step, over all devices and accumulated parts."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a batch is run, to save memory."""
    lr: NonNegative = 1e-3
    """Peak learning rate, absolute."""
    min_lr: NonNegative = 5e-4
    """Learning rate at the end of the cosine."""
    warmup_epochs: NonNegative = 20
    optimizer: Literal["adamw", "adam_global", "sgd"] = "adamw"
    """AdamW; the same with one global count of steps, as TensorFlow has it (see `kineme.train.adam`); or stochastic
    gradient descent with momentum."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of ``sgd``."""
    nesterov: bool = False
    """Of ``sgd``."""
    schedule: Literal["cosine", "steps"] = "cosine"
    """How the rate falls after the warm-up: to ``min_lr`` along a cosine, or by ``step_factor`` at every step."""
    steps: tuple[NonNegative, ...] = ()
    """Epochs after which the rate of ``steps`` falls."""
    step_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What every one of ``steps`` multiplies the rate by."""
    weight_decay: NonNegative = 0.05
    """Of matrices and tables."""
    decay_all: bool = False
    """Biases and norms decay too."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the learning rate for every level further down in the encoder."""
    betas: tuple[float, float] = (0.9, 0.95)
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Largest gradient norm."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential moving average of the weights; the average is what is saved and evaluated."""
    precision: Precision = "32-true"
    seed: Annotated[int, Field(ge=0)] = 0
    checkpoint_epochs: Annotated[int, Field(ge=1)] = 20
    """Epochs between checkpoints."""
    log_steps: Annotated[int, Field(ge=1)] = 10
    """Steps between lines of metrics.jsonl; each costs one synchronisation with the device."""
