"""Recipes of AgRNet (spec-agrnet §5.1, §9). No accuracy of the paper could be recovered, so none is quoted.

``agrnet-...`` trains everything, on the schedule of the predecessor, "Predict & Cluster"; ``agrnet-reference-...`` is
the authors' driver, which leaves attention as initialised. Both are re-implementations from the published description.
"""

import math
from itertools import combinations

from kineme.encoders.agrnet import AgRNetEncoderConfig
from kineme.evaluate.config import LinearProbeConfig, NeighbourConfig
from kineme.methods.agrnet import AgRNetConfig
from kineme.recipes.base import Recipe, RunConfig, recipes
from kineme.recipes.small import SmallData, on, register_small
from kineme.train.config import TrainConfig
from kineme.transforms.settings import Augmentation, Preparation

STEPS = 15_000
DECAY_STEPS = 1000
REFERENCE_STEPS = 4  # of one stream each, between two decays: two iterations of the driver
UWA3D_CLIPS = 537  # of two views, half of the public release

AS_IT_IS = Augmentation(keep=(1.0, 1.0), rotation=(0, 0, 0))
"""The clip as evaluation sees it."""
NEAREST = NeighbourConfig(neighbours=(1,), default=1)
"""Cosine 1-NN, the paper's protocol."""


def _preparation(*, align: bool = False) -> Preparation:
    """One body, every axis between -1 and 1, 50 frames at an even stride."""
    return Preparation(window=50, bodies=1, centre=False, align=align, scale="minmax", resize="stride", test_keep=1.0)


def _training(num_clips: int, batch_size: int) -> TrainConfig:
    """15,000 steps, the rate 5 % lower after every thousand."""
    epoch_steps = num_clips // batch_size
    return TrainConfig(
        epochs=math.ceil(STEPS / epoch_steps),
        batch_size=batch_size,
        lr=1e-4,
        warmup_epochs=0,
        betas=(0.9, 0.999),
        weight_decay=0.0,
        clip_norm=25.0,
        schedule="steps",
        steps=_decays(DECAY_STEPS, STEPS, epoch_steps),
        step_factor=0.95,
        checkpoint_epochs=max(1, DECAY_STEPS // epoch_steps),
    )


def _decays(every: int, end: int, epoch_steps: int) -> tuple[float, ...]:
    """Epochs at which the rate falls, given in steps."""
    return tuple(step / epoch_steps for step in range(every, end, every))


def _agrnet(split: str, num_clips: int, *, batch_size: int = 256, align: bool = False) -> RunConfig:
    """Everything learns to regenerate the input."""
    return RunConfig(
        split=split,
        method=AgRNetConfig(),
        encoder=AgRNetEncoderConfig(),
        prepare=_preparation(align=align),
        augment=(AS_IT_IS,),
        train=_training(num_clips, batch_size),
        knn=NEAREST,
    )


def _reference(split: str, num_clips: int) -> RunConfig:
    """The authors' driver, for one epoch: 50 iterations of its two steps are less than half of that.

    The driver draws clips with replacement, keeps dropout and batch statistics on when it extracts features, and
    chooses its weights by the test score; here clips come in turn, extraction is deterministic, and the last count.
    """
    config = _agrnet(split, num_clips)
    epoch_steps = num_clips // config.train.batch_size
    return config.with_changes(
        method=AgRNetConfig(mode="reference"),
        encoder=AgRNetEncoderConfig(share_streams=True),
        train=config.train.with_changes(
            epochs=1, optimizer="adam_global", steps=_decays(REFERENCE_STEPS, epoch_steps, epoch_steps)
        ),
    )


@recipes.register("agrnet-ntu60-xsub")
def agrnet_ntu60_xsub() -> RunConfig:
    """AgRNet on NTU RGB+D 60, cross-subject."""
    return _agrnet("ntu60-xsub", 40_091)


@recipes.register("agrnet-ntu60-xview")
def agrnet_ntu60_xview() -> RunConfig:
    """AgRNet on NTU RGB+D 60, cross-view."""
    return _agrnet("ntu60-xview", 37_646)


@recipes.register("agrnet-ntu120-xsub")
def agrnet_ntu120_xsub() -> RunConfig:
    """AgRNet on NTU RGB+D 120, cross-subject."""
    return _agrnet("ntu120-xsub", 63_026)


@recipes.register("agrnet-ntu120-xset")
def agrnet_ntu120_xset() -> RunConfig:
    """AgRNet on NTU RGB+D 120, cross-setup."""
    return _agrnet("ntu120-xset", 54_468)


@recipes.register("agrnet-reference-ntu60-xsub")
def agrnet_reference_ntu60_xsub() -> RunConfig:
    """The driver's training on NTU RGB+D 60, cross-subject."""
    return _reference("ntu60-xsub", 40_091)


@recipes.register("agrnet-reference-ntu120-xsub")
def agrnet_reference_ntu120_xsub() -> RunConfig:
    """The driver's training on NTU RGB+D 120, cross-subject, which is the configuration that it was published with."""
    return _reference("ntu120-xsub", 63_026)


def _uwa3d(one: int, two: int, test: int) -> Recipe:
    def recipe() -> RunConfig:
        return _agrnet(f"uwa3d-v{one}{two}-v{test}", UWA3D_CLIPS, batch_size=64, align=True)

    recipe.__doc__ = f"AgRNet on UWA3D Multiview II, views {one} and {two} to view {test}; clips are aligned."
    return recipe


def _register_uwa3d() -> None:
    """All twelve cells: two views train, another tests."""
    views = {1, 2, 3, 4}
    for one, two in combinations(sorted(views), 2):
        for test in sorted(views - {one, two}):
            recipes.register(f"agrnet-uwa3d-v{one}{two}-v{test}")(_uwa3d(one, two, test))


_register_uwa3d()


@recipes.register("agrnet-compact")
def agrnet_compact() -> RunConfig:
    """AgRNet for a small store of your own; all its clips. Narrow, and on clips that face the viewer."""
    return RunConfig(
        method=AgRNetConfig(),
        encoder=AgRNetEncoderConfig(width=64, heads=4, hidden=128),
        prepare=Preparation(window=50, bodies=1, centre=False, yaw=True, scale="minmax", test_keep=1.0),
        augment=(Augmentation(min_frames=8, rotation=(0, math.radians(30), 0), mirror=0.5, scale=0.1),),
        train=TrainConfig(
            epochs=120,
            batch_size=64,
            lr=2e-3,
            min_lr=0.0,
            warmup_epochs=5,
            weight_decay=0.01,
            betas=(0.9, 0.999),
            clip_norm=25.0,
            checkpoint_epochs=20,
        ),
        probe=LinearProbeConfig(lr=0.1),
        knn=NEAREST,
    )


def _agrnet_on(config: RunConfig, data: SmallData) -> RunConfig:
    """Smaller batches where clips are few."""
    config = on(config, data)
    return config if data.few is None else config.with_changes(train=config.train.with_changes(batch_size=32))


register_small("agrnet", "AgRNet", agrnet_compact, _agrnet_on)
