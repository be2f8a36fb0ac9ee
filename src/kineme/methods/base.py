"""What a method is: what a paper adds to the core, and nothing else.

A method owns its networks, says how many views of each clip it wants, and turns a batch of views into a loss. It
knows nothing of devices, optimisers, logging or processes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Generator, Tensor, nn

from kineme.clips import ClipBatch
from kineme.config import NamedConfig
from kineme.encoders import Encoder
from kineme.registry import Registry
from kineme.transforms.base import Draws


class MethodConfig(NamedConfig):
    """Base of method settings; ``name`` says which method they belong to."""


@dataclass(frozen=True)
class Progress:
    """How far training is.

    Args:
        step: optimiser steps done.
        epoch: epochs done, with the fraction of the current one.
        epochs: epochs in all.
    """

    step: int
    epoch: float
    epochs: int


class StepInput:
    """One step's input: the views of a batch, a source of randomness, and how far training is.

    An ordinary class on purpose: Fabric takes dataclasses apart and would rebuild every batch.
    """

    def __init__(self, views: Sequence[ClipBatch], generator: Generator, progress: Progress) -> None:
        self.views, self.generator, self.progress = views, generator, progress


@dataclass
class StepOutput:
    """Result of one training step.

    Args:
        loss: () scalar to minimise.
        logs: scalars worth recording.
        artefacts: what the method saw and did (masks, predictions, attention), for figures and the viewer; detached.
    """

    loss: Tensor
    logs: Mapping[str, Tensor] = field(default_factory=dict)
    artefacts: Mapping[str, Tensor] = field(default_factory=dict)


class Method(nn.Module):
    """A pretraining method around an encoder.

    Args:
        config: the method's settings.
        encoder: the network that is kept.
    """

    Config: ClassVar[type[MethodConfig]]
    num_views: ClassVar[int] = 1
    starts_fresh: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of weights that are never taken from the weights that training starts from."""
    needs_labels: ClassVar[bool] = False
    """Whether it can be trained on labelled clips alone."""

    def __init__(self, config: MethodConfig, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    @classmethod
    def require_stream(cls, config: MethodConfig, stream: str) -> None:
        """Check that a method can learn from a stream of the clips; from any by default.

        Raises:
            ConfigError: it cannot.
        """

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Random decisions of one step."""
        raise NotImplementedError

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        """Loss of one batch; a function of its arguments and the weights."""
        raise NotImplementedError

    def own_rate(self, parameter: str) -> float | None:
        """Factor on the learning rate of a parameter that learns apart, without weight decay; None for all others."""
        return None

    def after_start(self) -> None:
        """Whatever follows the copying of weights that training starts from; nothing by default."""

    def after_step(self, progress: Progress) -> None:
        """Whatever follows an optimiser step (momentum encoders, queues); nothing by default."""

    def forward(self, step: StepInput) -> StepOutput:
        return self.step(step.views, self.sample(step.views, step.generator), step.progress)


methods: Registry[type[Method]] = Registry("method", "kineme.methods")
