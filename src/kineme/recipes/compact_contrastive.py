"""Compact recipes of the contrastive family for small data: minutes on a processor, found without test clips.

What they change of the published ones, and what each change gave, is told in docs/small-data.md.
"""

import math

from kineme.encoders.stgcn import STGCNConfig
from kineme.evaluate.config import LinearProbeConfig
from kineme.methods.actclr import ActCLRConfig
from kineme.methods.aimclr import AimCLRConfig
from kineme.methods.crosclr import CrosSCLRConfig
from kineme.methods.momentum_contrast import MomentumConfig
from kineme.methods.skeletonclr import SkeletonCLRConfig
from kineme.methods.stjd_cl import STJDCLConfig
from kineme.nn.density import DensityConfig
from kineme.recipes.base import RunConfig, recipes
from kineme.recipes.compact import compact_features, compact_fine_tuning
from kineme.recipes.small import SmallData, on, register_small
from kineme.train.config import Start, TrainConfig
from kineme.transforms.settings import Augmentation, Preparation

PLAIN = Augmentation(min_frames=8, rotation=(0, math.radians(30), 0), mirror=0.5, scale=0.1, shear=0.5)
"""Crop, small turns, mirroring, scaling and shear."""
NORMAL = PLAIN.with_changes(noise=0.5, blur=0.5, blur_normalise=True)
STRONG = NORMAL.with_changes(noise_std=0.02, axis_mask=0.3)


def _compact(method: MomentumConfig, *views: Augmentation) -> RunConfig:
    """A narrow ST-GCN on the first body, facing the viewer; a queue of about as many keys as there are clips."""
    return RunConfig(
        method=method.with_changes(queue_size=1024, momentum=0.99, temperature=0.1),
        encoder=STGCNConfig(hidden_channels=8, width=64, dropout=0.0),
        prepare=Preparation(window=40, bodies=1, yaw=True, test_keep=1.0),
        augment=views,
        train=TrainConfig(
            epochs=60,
            batch_size=64,
            lr=3e-3,
            min_lr=0.0,
            warmup_epochs=5,
            weight_decay=1e-4,
            checkpoint_epochs=20,
        ),
        features=compact_features().with_changes(pool="moments"),
        probe=LinearProbeConfig(lr=0.1),
        finetune=compact_fine_tuning(),
    )


def _contrastive_on(config: RunConfig, data: SmallData, **method: int) -> RunConfig:
    """A recipe on a small dataset; more epochs, and a shorter queue, where clips are few.

    Args:
        config: recipe for small stores.
        data: the dataset.
        method: settings of the method that change where clips are few.
    """
    config = on(config, data)
    if data.few is None:
        return config
    return config.with_changes(
        method=config.method.with_changes(queue_size=data.queue, **method),
        train=config.train.with_changes(epochs=_epochs(data), batch_size=32),
    )


def _epochs(data: SmallData) -> int:
    return data.epochs(100)


def _mining_on(config: RunConfig, data: SmallData) -> RunConfig:
    """Neighbours are mined in the second half."""
    return _contrastive_on(config, data, **({} if data.few is None else {"mining_after": _epochs(data) // 2}))


def _actclr_on(config: RunConfig, data: SmallData) -> RunConfig:
    """From AimCLR's weights on the same data; the last third has narrow actionlets."""
    few = {} if data.few is None else {"mined": data.queue // 4, "narrow_after": _epochs(data) * 2 // 3}
    return _contrastive_on(config, data, **few).with_changes(start=Start(weights=f"runs/aimclr-{data.name}"))


@recipes.register("skeletonclr-compact")
def skeletonclr_compact() -> RunConfig:
    """SkeletonCLR for a small store of your own; all its clips."""
    return _compact(SkeletonCLRConfig(), PLAIN, PLAIN)


@recipes.register("crosclr-compact")
def crosclr_compact() -> RunConfig:
    """CrosSCLR of joints, motion and bones for a small store of your own; all its clips."""
    return _compact(CrosSCLRConfig(mining_after=30), PLAIN, PLAIN)


@recipes.register("aimclr-compact")
def aimclr_compact() -> RunConfig:
    """AimCLR for a small store of your own; all its clips."""
    return _compact(AimCLRConfig(mining_after=30), STRONG, PLAIN, PLAIN)


@recipes.register("actclr-compact")
def actclr_compact() -> RunConfig:
    """ActCLR for a small store of your own, from the weights of aimclr-compact; all its clips.

    A third of AimCLR's rate: nothing in the loss pushes clips apart, and at the whole rate motion collapses.
    """
    config = _compact(ActCLRConfig(mined=128, narrow_after=40), STRONG, NORMAL, PLAIN, PLAIN)
    return config.with_changes(start=Start(weights="runs/aimclr-compact"), train=config.train.with_changes(lr=1e-3))


@recipes.register("stjd_cl-compact")
def stjd_cl_compact() -> RunConfig:
    """STJD-CL for a small store of your own; all its clips.

    Views show different parts of a clip, so each has its own prime joints. The density of all channels would take most
    of a step.
    """
    return _compact(STJDCLConfig(density=DensityConfig(proj_channels=16), mask_from="query"), STRONG, NORMAL, PLAIN)


def _stjd_cl_on(config: RunConfig, data: SmallData) -> RunConfig:
    """Left and right are exchanged only where sides do not matter; a third of the rate where clips are few."""
    config = _contrastive_on(config, data)
    if data.sided:
        config = config.with_changes(method=config.method.with_changes(swap=0.0))
    return config if data.few is None else config.with_changes(train=config.train.with_changes(lr=1e-3))


register_small("skeletonclr", "SkeletonCLR", skeletonclr_compact, _contrastive_on)
register_small("crosclr", "CrosSCLR of joints, motion and bones", crosclr_compact, _mining_on)
register_small("aimclr", "AimCLR", aimclr_compact, _mining_on)
register_small("actclr", "ActCLR, from AimCLR's weights,", actclr_compact, _actclr_on)
register_small("stjd_cl", "STJD-CL", stjd_cl_compact, _stjd_cl_on)
