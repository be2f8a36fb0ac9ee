"""CrosSCLR: momentum contrast of several streams, each of which finds positives for the others.

Li et al., "3D Human Action Representation Learning via Cross-View Consistency Pursuit", CVPR 2021
(spec-contrastive §7). What the paper calls views are streams here: joints, their motion, and bones.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Annotated, ClassVar, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.losses.contrast import contrast_logits, info_nce, mined_nce, nearest
from kineme.methods.base import MethodConfig, Progress, StepOutput, methods
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast, in_stage_two
from kineme.nn.moco import Projector, follow
from kineme.transforms.base import NO_DRAWS, Draws, Transform
from kineme.transforms.streams import Bone, Motion

JOINT = "joint"
_DERIVED: Mapping[str, Transform[ClipBatch, ClipBatch]] = {"motion": Motion(), "bone": Bone()}


class CrosSCLRConfig(MomentumConfig):
    """Settings of CrosSCLR."""

    name: str = "crosclr"
    others: Annotated[tuple[Literal["motion", "bone"], ...], Field(min_length=1)] = ("motion", "bone")
    """Streams beside the joints'; ``motion`` alone for two views."""
    mining_after: Annotated[float, Field(ge=0)] = 150
    """Epochs after which streams find positives for each other."""
    neighbours: Positive = 1
    """Positives that a stream finds for another in the queue, beside the true key."""
    context: bool = True
    """Keys are also compared by both streams at once, by the product of their similarities."""
    reference_quirks: bool = False
    """As in the authors' code: other streams go through the joint stream's projector, which follows once for each of
    them; and while streams find positives for each other, only the key encoder of motion follows."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.others)) < len(self.others):
            raise ValueError(f"every stream once; found others = {', '.join(self.others)}")
        if self.reference_quirks and "motion" not in self.others:
            raise ValueError("reference_quirks are those of a motion stream; add motion to others")
        return self


class LengthenedProjector(Projector):
    """One layer, then the joint stream's projector: (B, D) to (B, D').

    Args:
        width: D.
        joint: the joint stream's, which stays that stream's.
    """

    def __init__(self, width: int, joint: Projector) -> None:
        super().__init__(width, width)
        del self[2]
        # Within a tuple it is no submodule, so that no weight is saved or moved twice.
        self.joint = (joint,)

    def forward(self, input: Tensor) -> Tensor:
        return self.joint[0](super().forward(input))


@methods.register("crosclr")
class CrosSCLR(MomentumContrast):
    """Two views, the query's and the key's, of joints; the other streams are computed from them.

    Every stream has networks and a queue of its own, and place p of every queue is of the same clip. ``encoder`` is
    the joint stream's.

    Args:
        config: settings.
        encoder: any; the other streams have encoders of its kind.
    """

    Config: ClassVar = CrosSCLRConfig
    num_views: ClassVar[int] = 2

    @classmethod
    def require_stream(cls, config: MethodConfig, stream: str) -> None:
        if stream != "joint":
            raise ConfigError(f"CrosSCLR makes its other streams of joints; prepare.stream is {stream}, expected joint")

    def __init__(self, config: CrosSCLRConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.config = config
        self.others = nn.ModuleDict({name: MomentumContrast(config, deepcopy(encoder)) for name in config.others})
        if config.reference_quirks:
            for name in config.others:
                self._lengthen(self.streams[name])

    def _lengthen(self, stream: MomentumContrast) -> None:
        """Give another stream the projectors that the authors' code gives it."""
        width = stream.encoder.width
        stream.projector = LengthenedProjector(width, self.projector)
        stream.key_projector = LengthenedProjector(width, self.key_projector).requires_grad_(False)
        if not self.config.independent_key_init:
            stream.key_projector.load_state_dict(stream.projector.state_dict())

    @property
    def streams(self) -> dict[str, MomentumContrast]:
        """All streams by name, the joint stream first."""
        return {JOINT: self, **cast(dict[str, MomentumContrast], dict(self.others.items()))}

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        mining = in_stage_two(progress, self.config.mining_after)
        self.follow_streams(mining)
        logits = {name: self.compare(name, views) for name in self.streams}
        losses = self.cross_losses(logits) if mining else {name: info_nce(each) for name, each in logits.items()}
        return StepOutput(
            loss=torch.stack(list(losses.values())).sum(),
            logs={name: loss.detach() for name, loss in losses.items()},
            artefacts={f"{name}_logits": each.detach() for name, each in logits.items()},
        )

    def follow_streams(self, mining: bool) -> None:
        """Let the key encoders follow; before the keys of a training step."""
        quirks, streams = self.config.reference_quirks, self.streams
        for stream in [streams["motion"]] if quirks and mining else streams.values():
            stream.follow()
            if quirks and stream is not self and self.training:
                follow(self.key_projector, self.projector, self.config.momentum)

    def compare(self, name: str, views: Sequence[ClipBatch]) -> Tensor:
        """Logits (B, 1 + K) of one stream; its keys go into its queue."""
        query_view, key_view = (_stream(name, view) for view in views)
        stream = self.streams[name]
        query, key = stream.query(stream.encoder.features(query_view)), stream.key(key_view)
        logits = contrast_logits(query, key, stream.queue.keys.clone(), self.config.temperature)
        stream.remember(key)
        return logits

    def cross_losses(self, logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of each stream: its mean over positives that the other streams find, from logits (B, 1 + K)."""
        found = {name: nearest(each.detach(), self.config.neighbours) for name, each in logits.items()}

        def loss(own: str, other: str) -> Tensor:
            if not self.config.context:
                return mined_nce(logits[own], found[other])
            both = with_context(logits[own], logits[other], self.config.temperature)
            return mined_nce(both, torch.cat([found[other], found[other][:, 1:]], dim=1))

        return {own: torch.stack([loss(own, other) for other in logits if other != own]).mean() for own in logits}


def with_context(own: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Logits, and those of the queue by two streams at once: (B, 1 + K) twice to (B, 1 + 2K).

    The latter are products of similarities over the temperature, which both logits were divided by.
    """
    return torch.cat([own, own[:, 1:] * other[:, 1:] * temperature], dim=1)


def _stream(name: str, view: ClipBatch) -> ClipBatch:
    """A view as a stream reads it."""
    return view if name == JOINT else _DERIVED[name].apply(view, NO_DRAWS)
