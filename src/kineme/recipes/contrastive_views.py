"""Preparation and views of the contrastive family: SkeletonCLR, CrosSCLR, AimCLR and ActCLR (spec-contrastive §2).

The blur is the published one, which also enlarges a clip, and the left-right exchange mirrors no coordinate: the
published numbers were made so. ``blur_normalise`` and ``mirror`` in place of ``swap`` are the usual definitions.
"""

import math

from kineme.transforms.settings import Augmentation, Phase, Preparation

BASE = Augmentation(keep=(1.0, 1.0), rotation=(0, 0, 0), reflect=6, shear=0.5)
"""Whole clips, cropped with reflected ends and sheared."""
NORMAL = BASE.with_changes(
    swap=0.5, main_rotation=(math.radians(30), math.radians(1)), noise=0.5, blur=0.5, axis_mask=0.5
)
STRONG = NORMAL.with_changes(noise_std=0.05, stretch=0.5, rescale=0.5)


def contrastive_preparation() -> Preparation:
    """Fifty frames of two bodies, each about its own root and facing the viewer."""
    return Preparation(window=50, centre=False, count_seen=True, root_relative=True, yaw_per_frame=True, test_keep=1.0)


def two_views() -> tuple[Augmentation, ...]:
    """Query and key of SkeletonCLR and CrosSCLR."""
    return BASE, BASE


def aimclr_views() -> tuple[Augmentation, ...]:
    """Extreme view, query and key of AimCLR. Its paper lists ``temporal_flip`` as well, its code leaves it out."""
    return NORMAL, BASE, BASE


def actclr_views() -> tuple[Augmentation, ...]:
    """Strong and normal view, query and key of ActCLR: fewer augmentations as training goes on, none in the end.

    The clean end begins at epoch 300 and did not help the published runs: 300 epochs leave it out.
    """
    strong = STRONG.with_changes(schedule=_fewer(7, 5, 3))
    normal = NORMAL.with_changes(schedule=_fewer(5, 3, 1))
    plain = BASE.with_changes(schedule=_fewer(0, 0, 0))
    return strong, normal, plain, plain


def stjd_cl_views() -> tuple[Augmentation, ...]:
    """Strong and normal view and key of STJD-CL: those of ActCLR, as far as is known.

    No view exchanges left and right, which the method does itself, with its mask; a phase draws from the rest as
    large a share as ActCLR's. The blur keeps a clip's size.
    """
    strong, normal = (view.with_changes(swap=0, blur_normalise=True) for view in (STRONG, NORMAL))
    views = (strong, _fewer(6, 4, 3)), (normal, _fewer(4, 2, 1)), (BASE, _fewer(0, 0, 0))
    return tuple(view.with_changes(schedule=phases) for view, phases in views)


def plain_view() -> tuple[Augmentation, ...]:
    """Whole clips as they are; the paper's form of ActCLR makes all changes itself."""
    return (Augmentation(keep=(1.0, 1.0), rotation=(0, 0, 0)),)


def _fewer(*chosen: int) -> tuple[Phase, ...]:
    """A hundred epochs each of so many augmentations drawn, then clips as they are."""
    phases = [Phase(until_epoch=100 * i, choose=count) for i, count in enumerate(chosen, start=1)]
    return (*phases, Phase(until_epoch=350, choose=0, base=False))
