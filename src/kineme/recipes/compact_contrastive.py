"""Compact recipes of the contrastive family for small data: minutes on a processor, found without test clips.

What they change of the published ones, and what each change gave, is told in docs/benchmarks.md.
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


def _for_nucla(config: RunConfig) -> RunConfig:
    """Training clips of views 1 and 2."""
    return config.with_changes(split="nucla-xview")


def _for_utd_mhad(config: RunConfig, **method: float) -> RunConfig:
    """No mirroring, since left and right tell classes apart there; more epochs of fewer clips.

    Args:
        config: recipe for small stores.
        method: settings of the method that change.
    """
    return config.with_changes(
        split="odd-even-subjects",
        method=config.method.with_changes(queue_size=512, **method),
        augment=tuple(view.with_changes(mirror=0.0) for view in config.augment),
        train=config.train.with_changes(epochs=100, batch_size=32),
    )


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


@recipes.register("skeletonclr-nucla")
def skeletonclr_nucla() -> RunConfig:
    """SkeletonCLR on N-UCLA, views 1 and 2 to view 3."""
    return _for_nucla(skeletonclr_compact())


@recipes.register("crosclr-nucla")
def crosclr_nucla() -> RunConfig:
    """CrosSCLR of joints, motion and bones on N-UCLA, views 1 and 2 to view 3."""
    return _for_nucla(crosclr_compact())


@recipes.register("aimclr-nucla")
def aimclr_nucla() -> RunConfig:
    """AimCLR on N-UCLA, views 1 and 2 to view 3."""
    return _for_nucla(aimclr_compact())


@recipes.register("actclr-nucla")
def actclr_nucla() -> RunConfig:
    """ActCLR on N-UCLA, views 1 and 2 to view 3; from AimCLR's weights."""
    return _for_nucla(actclr_compact()).with_changes(start=Start(weights="runs/aimclr-nucla"))


@recipes.register("stjd_cl-nucla")
def stjd_cl_nucla() -> RunConfig:
    """STJD-CL on N-UCLA, views 1 and 2 to view 3."""
    return _for_nucla(stjd_cl_compact())


@recipes.register("skeletonclr-utd-mhad")
def skeletonclr_utd_mhad() -> RunConfig:
    """SkeletonCLR on UTD-MHAD, odd to even subjects."""
    return _for_utd_mhad(skeletonclr_compact())


@recipes.register("crosclr-utd-mhad")
def crosclr_utd_mhad() -> RunConfig:
    """CrosSCLR of joints, motion and bones on UTD-MHAD, odd to even subjects."""
    return _for_utd_mhad(crosclr_compact(), mining_after=50)


@recipes.register("aimclr-utd-mhad")
def aimclr_utd_mhad() -> RunConfig:
    """AimCLR on UTD-MHAD, odd to even subjects."""
    return _for_utd_mhad(aimclr_compact(), mining_after=50)


@recipes.register("actclr-utd-mhad")
def actclr_utd_mhad() -> RunConfig:
    """ActCLR on UTD-MHAD, odd to even subjects; from AimCLR's weights."""
    return _for_utd_mhad(actclr_compact(), narrow_after=66).with_changes(start=Start(weights="runs/aimclr-utd-mhad"))


@recipes.register("stjd_cl-utd-mhad")
def stjd_cl_utd_mhad() -> RunConfig:
    """STJD-CL on UTD-MHAD, odd to even subjects."""
    return _for_utd_mhad(stjd_cl_compact())
