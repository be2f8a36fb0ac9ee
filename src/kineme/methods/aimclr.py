"""AimCLR: SkeletonCLR that also learns from extremely augmented views, and from neighbours as further positives.

Guo et al., "Contrastive Learning from Extremely Augmented Skeleton Sequences for Self-supervised Action Recognition",
AAAI 2022 (spec-contrastive §6).
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.losses.contrast import contrast_logits, distribution_loss, info_nce, mined_nce, nearest
from kineme.methods.base import Progress, StepOutput, methods
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast, in_stage_two
from kineme.nn.processes import num_processes, total
from kineme.transforms.base import Draws


class AimCLRConfig(MomentumConfig):
    """Settings of AimCLR."""

    name: str = "aimclr"
    mining_after: Annotated[float, Field(ge=0)] = 150
    """Epochs after which neighbours count as positives."""
    neighbours: Positive = 1
    """Neighbours of each of the three queries."""
    drop_above: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Attention from which features of the extreme view are dropped."""


@methods.register("aimclr")
class AimCLR(MomentumContrast):
    """Three views: extreme, the query's, the key's.

    Args:
        config: settings.
        encoder: any.
    """

    Config: ClassVar = AimCLRConfig
    num_views: ClassVar[int] = 3

    def __init__(self, config: AimCLRConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.config = config

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        extreme_view, query_view, key_view = views
        self.follow()
        query = self.query(self.encoder.features(query_view))
        features = self.encoder.features(extreme_view)
        extreme, dropped = self.query(features), self.query(attention_drop(features, self.config.drop_above))
        key, queue = self.key(key_view), self.queue.keys.clone()
        logits, *others = (
            contrast_logits(each, key, queue, self.config.temperature) for each in (query, extreme, dropped)
        )
        self.remember(key)
        target = logits.detach().softmax(dim=1)
        matching = torch.stack([distribution_loss(other, target) for other in others]).sum()
        positive = self.positives([logits, *others], progress)
        contrast = info_nce(logits) if positive is None else mined_nce(logits, positive)
        return StepOutput(
            loss=contrast + matching / 2,
            logs={"contrast": contrast.detach(), "matching": matching.detach()},
            artefacts={"logits": logits.detach()},
        )

    def positives(self, logits: Sequence[Tensor], progress: Progress) -> Tensor | None:
        """(B, 1 + K) bool: the true key and what any of the queries is closest to; None before mining begins."""
        if not in_stage_two(progress, self.config.mining_after):
            return None
        masks = [nearest(each.detach(), self.config.neighbours) for each in logits]
        return torch.stack(masks).any(dim=0)


def attention_drop(features: Tensor, above: float) -> Tensor:
    """Features (B, M, S, V, D) without the joints and the single values that stand out most.

    How far a value is from its channel's mean says how much attention it gets. What is left is scaled up by the share
    that was dropped in the whole batch, over all processes. No gradient passes the choice.
    """
    with torch.no_grad():
        attention = _attention(features)
        joints = (attention.mean(dim=(2, 4), keepdim=True) < above).to(features.dtype)
        values = (attention < above).to(features.dtype)
        kept, processes = total(torch.stack([joints.sum(), values.sum()])).clamp(min=1), num_processes()
        scale = joints.numel() * processes / kept[0] * values.numel() * processes / kept[1]
    return features * joints * values * scale


def _attention(features: Tensor) -> Tensor:
    """Parameter-free attention over slots and joints; (B, M, S, V, D) to the same."""
    distance = (features - features.mean(dim=(2, 3), keepdim=True)).square()
    spread = distance.sum(dim=(2, 3), keepdim=True) / (features.shape[2] * features.shape[3] - 1)
    return (distance / (4 * (spread + 1e-4)) + 0.5).sigmoid()
