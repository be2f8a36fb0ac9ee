"""Supervised training of any encoder under a head: from scratch, or as fine-tuning of a pretrained one.

Head, label smoothing and the defaults are those with which the masked family is fine-tuned (spec-masked §4).
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Generator, Tensor
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.methods.base import MethodConfig, Progress, StepOutput, methods
from kineme.methods.classifier import Classifier, ClassifierConfig
from kineme.nn.heads import JointHead, PlainHead, PooledLinearHead
from kineme.transforms.base import NO_DRAWS, Draws


class SupervisedConfig(ClassifierConfig):
    """Settings of supervised training."""

    name: str = "supervised"
    head: Literal["joint", "linear", "plain"] = "joint"
    """``joint``: joints side by side, two linear layers. ``linear``: the linear probe's, on the mean of everything.
    ``plain``: a linear layer alone, on that mean, as the contrastive family has it."""
    hidden: Positive = 2048
    """Width between the layers of the ``joint`` head."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Of the features below the ``joint`` head."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that is shared out among all classes."""


@methods.register("supervised")
class Supervised(Classifier):
    """Encoder and head, taught the labels.

    Args:
        config: settings.
        encoder: any.
    """

    Config: ClassVar[type[MethodConfig]] = SupervisedConfig

    def __init__(self, config: SupervisedConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.config = config
        if config.head == "joint":
            self.head = JointHead(encoder.joints, encoder.width, config.hidden, config.num_classes, config.dropout)
        else:
            kind = PooledLinearHead if config.head == "linear" else PlainHead
            self.head = kind(encoder.width, config.num_classes)

    def logits(self, batch: ClipBatch) -> Tensor:
        return self.head(self.encoder.features(batch))

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Nothing: dropout and stochastic depth draw from torch's own generator."""
        return NO_DRAWS

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        (batch,) = views
        if self.training and len(batch) < 2:
            raise ConfigError("supervised training normalises over the batch; one clip is too few for train.batch_size")
        logits = self.logits(batch).float()
        loss = F.cross_entropy(logits, batch.label, label_smoothing=self.config.label_smoothing)
        return StepOutput(loss=loss, artefacts={"logits": logits.detach()})
