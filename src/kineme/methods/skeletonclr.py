"""SkeletonCLR: momentum contrast of two augmented views of a skeleton sequence.

Li et al., "3D Human Action Representation Learning via Cross-View Consistency Pursuit", CVPR 2021
(spec-contrastive §5).
"""

from collections.abc import Sequence
from typing import ClassVar

from kineme.clips import ClipBatch
from kineme.losses.contrast import contrast_logits, info_nce
from kineme.methods.base import Progress, StepOutput, methods
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast
from kineme.transforms.base import Draws


class SkeletonCLRConfig(MomentumConfig):
    """Settings of SkeletonCLR."""

    name: str = "skeletonclr"


@methods.register("skeletonclr")
class SkeletonCLR(MomentumContrast):
    """Two views: the query's and the key's."""

    Config: ClassVar = SkeletonCLRConfig
    num_views: ClassVar[int] = 2

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        query_view, key_view = views
        self.follow()
        query, key = self.query(self.encoder.features(query_view)), self.key(key_view)
        logits = contrast_logits(query, key, self.queue.keys.clone(), self.momentum.temperature)
        self.remember(key)
        return StepOutput(loss=info_nce(logits), artefacts={"logits": logits.detach()})
