"""What the contrastive methods share: an encoder that learns, one that follows it, and a queue of keys.

The two encoders see different views of a clip; the query of one view must find the key of the other among the keys of
other clips (spec-contrastive §4).

Where several processes share a batch, the keys of all go into every queue. He et al. also shuffle clips between devices
before the key encoder reads them: statistics of batch norms that are a device's own would tell a query which key was
computed on the same clips. Nothing is shuffled here, because several CUDA devices share their statistics
(`kineme.train.build.share_batch_norms`), which are then the same for all keys.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.methods.base import Method, MethodConfig, Progress
from kineme.nn.heads import pooled
from kineme.nn.moco import Projector, Queue, follow
from kineme.nn.stgcn import init_moco
from kineme.transforms.base import NO_DRAWS, Draws


class MomentumConfig(MethodConfig):
    """Settings that all contrastive methods share."""

    features: Positive = 128
    """D': width of queries and keys."""
    queue_size: Positive = 32768
    """K: keys of past steps that a query is compared with."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.999
    """How much of itself the key encoder keeps in every step."""
    temperature: Annotated[float, Field(gt=0)] = 0.07
    """Divides similarities; lower tells close ones apart more sharply."""
    independent_key_init: bool = False
    """The key encoder starts with weights of its own, as in the authors' code, and not as a copy."""


class MomentumContrast(Method):
    """Base of the contrastive methods with one encoder.

    Args:
        config: settings.
        encoder: any; the key encoder starts as its copy.
    """

    Config: ClassVar[type[MethodConfig]] = MomentumConfig

    def __init__(self, config: MomentumConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.momentum = config
        init_moco(encoder)
        self.projector = Projector(encoder.width, config.features)
        self.key_encoder = deepcopy(encoder).requires_grad_(False)
        self.key_projector = deepcopy(self.projector).requires_grad_(False)
        if config.independent_key_init:
            init_moco(self.key_encoder)
            init_moco(self.key_projector)
        self.queue = Queue(config.queue_size, config.features)

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Nothing: dropout draws from torch's own generator."""
        return NO_DRAWS

    def query(self, features: Tensor) -> Tensor:
        """Unit vectors (B, D') of features (B, M, S, V, D)."""
        return F.normalize(self.projector(pooled(features)), dim=1)

    @torch.no_grad()
    def key(self, view: ClipBatch) -> Tensor:
        """Unit vectors (B, D') of a view by the key encoder."""
        return F.normalize(self.key_projector(pooled(self.key_encoder.features(view))), dim=1)

    def follow(self) -> None:
        """Let the key encoder follow; before the keys of a training step."""
        if self.training:
            follow(self.key_encoder, self.encoder, self.momentum.momentum)
            follow(self.key_projector, self.projector, self.momentum.momentum)

    def remember(self, keys: Tensor) -> None:
        """Put the keys of a training step into the queue; after everything was compared with it."""
        if self.training:
            self.queue.add(keys)


def in_stage_two(progress: Progress, after: float) -> bool:
    """Whether more than so many epochs are done."""
    return progress.epoch >= after
