"""DANet: supervised training on pairs of views of the same action.

Gedamu et al., "DANet: Dual-attention network for view-invariant action recognition", Complex & Intelligent Systems
2023. A re-implementation from the published description. That cross-attention learns from two views of an action and
brings their representations together is the authors'; the loss and how pairs are drawn are our reading (spec-danet
§2.4, §4.6 f.).
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.danet import DANetEncoder
from kineme.errors import ConfigError
from kineme.methods.base import MethodConfig, Progress, StepOutput, methods
from kineme.methods.classifier import Classifier, ClassifierConfig
from kineme.nn.cross_attention import disagreement
from kineme.transforms.base import NO_DRAWS, Draws

Weight = Annotated[float, Field(ge=0)]


class DANetConfig(ClassifierConfig):
    """Settings of DANet."""

    name: str = "danet"
    consistency: Weight = 0.1
    """Weight of how far the pooled features of a pair point apart."""
    map_consistency: Weight = 0.0
    """Weight of how far the two maps of cross-attention over joints differ before they are multiplied."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that is shared out among all classes."""


@methods.register("danet")
class DANet(Classifier):
    """Encoder and a linear layer on the mean over the bodies that are there.

    The second view of a clip shows its partner. Evaluation knows no pairs.

    Args:
        config: settings.
        encoder: a `DANetEncoder`.

    Raises:
        ConfigError: another encoder, or maps to compare in one without cross-attention.
    """

    Config: ClassVar[type[MethodConfig]] = DANetConfig
    num_views: ClassVar[int] = 2

    def __init__(self, config: DANetConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if not isinstance(encoder, DANetEncoder):
            raise ConfigError(f"danet pairs views in an encoder called danet, not in {type(encoder).__name__}")
        if config.map_consistency and encoder.cross is None:
            raise ConfigError("map_consistency compares maps of cross-attention; switch encoder.cross on")
        self.encoder: DANetEncoder = encoder
        self.config = config
        self.linear = nn.Linear(encoder.width, config.num_classes)
        nn.init.normal_(self.linear.weight, std=(2 / config.num_classes) ** 0.5)
        nn.init.zeros_(self.linear.bias)

    def logits(self, batch: ClipBatch) -> Tensor:
        return self.linear(mean_of_present(self.encoder.features(batch), batch.present))

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Nothing: dropout draws from torch's own generator."""
        return NO_DRAWS

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        a, b = views
        pair = self.encoder.pair_features(a, b)
        of_a, of_b = mean_of_present(pair.a, a.present), mean_of_present(pair.b, b.present)
        logits = self.linear(torch.cat([of_a, of_b])).float()
        label = torch.cat([a.label, b.label])
        terms = {
            "cross_entropy": F.cross_entropy(logits, label, label_smoothing=self.config.label_smoothing),
            "consistency": (1 - F.cosine_similarity(of_a.float(), of_b.float())).mean(),
        }
        loss = terms["cross_entropy"] + self.config.consistency * terms["consistency"]
        if self.config.map_consistency:
            terms["map_consistency"] = disagreement(pair.scores[0].float())
            loss = loss + self.config.map_consistency * terms["map_consistency"]
        logs = {name: term.detach() for name, term in terms.items()}
        return StepOutput(loss, logs, {"logits": logits.detach()[: len(a)]})


def mean_of_present(features: Tensor, present: Tensor) -> Tensor:
    """Mean over slots, joints and the bodies that are seen at all; zero where nobody is.

    Args:
        features: (B, M, S, V, D).
        present: (B, M, T) bool.

    Returns:
        (B, D).
    """
    there = present.any(dim=2).to(features.dtype)
    of_bodies = features.mean(dim=(2, 3))
    return torch.einsum("bmd,bm->bd", of_bodies, there) / there.sum(dim=1, keepdim=True).clamp(min=1)
