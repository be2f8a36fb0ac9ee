"""ActCLR as in its paper: one view that is transformed more outside its actionlet, one key of the actionlet.

Lin et al., "Actionlet-Dependent Contrastive Learning for Unsupervised Skeleton-Based Action Recognition", CVPR 2023
(spec-contrastive §9). The authors' code, with which the published accuracies were reached, does otherwise:
`kineme.methods.actclr`.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.losses.similarity_mining import sharpened_kl, similarities
from kineme.methods.actclr import ActionletConfig, ActionletContrast, under
from kineme.methods.base import Progress, StepOutput, methods
from kineme.nn.actionlet import (
    Activation,
    RunningMean,
    blend,
    difference_gradient,
    focus_pool,
    graph_map,
    scaled,
    to_frames,
)
from kineme.transforms.base import Draws, Transform
from kineme.transforms.mix import SkeletonMix
from kineme.transforms.noise import GaussianBlur, GaussianNoise
from kineme.transforms.spatial import AxisMask, MainRotation, Shear, Swap
from kineme.transforms.temporal import CropReflect, TemporalFlip

Changes = dict[str, Transform[ClipBatch, ClipBatch]]
"""Transformations by name, in the order in which they are applied."""

_MOVES_CELLS = ("crop", "swap", "reverse")


class ActCLRPaperConfig(ActionletConfig):
    """Settings of ActCLR as in the paper."""

    name: str = "actclr_paper"
    activation: Activation = "relu"
    """Of the map; the paper leaves it open."""


@methods.register("actclr_paper")
class ActCLRPaper(ActionletContrast):
    """One view; all further changes are made here, because the map has to move along with them.

    Args:
        config: settings.
        encoder: any that has features of every joint.

    Raises:
        ConfigError: an encoder that leaves out joints.
    """

    Config: ClassVar = ActCLRPaperConfig

    def __init__(self, config: ActCLRPaperConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.config = config
        self.average = RunningMean(encoder.window, encoder.joints, encoder.channels)
        in_space: Changes = {"rotation": MainRotation()} if encoder.channels == 3 else {}
        self.everywhere: Changes = {
            "crop": CropReflect(),
            "shear": Shear(),
            "swap": Swap(),
            **in_space,
            "noise": GaussianNoise(),
            "blur": GaussianBlur(),
            "axis": AxisMask(),
            "reverse": TemporalFlip(),
            "adain": self.adain,
        }
        self.outside: Changes = {"strong_noise": GaussianNoise(std=0.05), "mix": SkeletonMix()}

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Of all transformations."""
        drawn = {name: part.sample(views[0], generator) for name, part in (self.everywhere | self.outside).items()}
        return {f"{name}.{key}": value for name, draws in drawn.items() for key, value in draws.items()}

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        (view,) = views
        self.follow()
        key, actionlet = self.focused_key(view)
        with torch.autocast(view.xyz.device.type, enabled=False):
            transformed = self.transformed(view, draws, to_frames(actionlet, view.xyz.shape[2]))
        queue = self.queue.keys.clone()
        found = similarities(self.query(self.encoder.features(transformed)), queue)
        wanted = similarities(key, queue)
        self.remember(key)
        return StepOutput(
            loss=sharpened_kl(found, wanted, self.config.temperature, self.config.key_temperature),
            artefacts={"actionlet": actionlet},
        )

    @torch.no_grad()
    def focused_key(self, view: ClipBatch) -> tuple[Tensor, Tensor]:
        """Unit vectors (B, D') of actionlets, and their maps (B, M, S, V), 1 at the largest value of a clip."""
        if self.training:
            self.average.add(view)
        anchor = self.static_anchor(self.average.clip(view))
        features = self.key_encoder.features(view)
        gradient = difference_gradient(features, anchor, self.key_projector)
        # Not in the paper: as it stands, the map is so small that it would blend in hardly anything.
        actionlet = scaled(graph_map(features, gradient, view.layout, self.config.activation))
        return F.normalize(self.key_projector(focus_pool(features, actionlet)), dim=1), actionlet

    def transformed(self, view: ClipBatch, draws: Draws, share: Tensor) -> ClipBatch:
        """The view changed as a whole, and changed again outside its actionlet (B, M, T, V), which moves along."""
        inside, moved = view, view.with_xyz(share.unsqueeze(-1))
        for name, part in self.everywhere.items():
            inside = part.apply(inside, under(name, draws))
            if name in _MOVES_CELLS:
                moved = part.apply(moved, under(name, draws))
        outside = inside
        for name, part in self.outside.items():
            outside = part.apply(outside, under(name, draws))
        return blend(inside, outside, moved.xyz.squeeze(-1))
