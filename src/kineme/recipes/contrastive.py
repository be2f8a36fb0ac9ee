"""Recipes of SkeletonCLR and AimCLR: NTU RGB+D 60 and 120, PKU-MMD I, and small data (spec-contrastive §10, §14)."""

from kineme.encoders.stgcn import STGCNConfig
from kineme.evaluate.config import FeatureConfig
from kineme.methods.aimclr import AimCLRConfig
from kineme.methods.momentum_contrast import MomentumConfig
from kineme.methods.skeletonclr import SkeletonCLRConfig
from kineme.recipes.base import Published, RunConfig, recipes
from kineme.recipes.contrastive_views import aimclr_views, contrastive_preparation, two_views
from kineme.train.config import TrainConfig
from kineme.transforms.settings import Augmentation

SKELETONCLR = "README of CrosSCLR's code"
AIMCLR = "README of AimCLR's released weights"
LATER = "ActCLR's project page, table 1"


def contrastive_training() -> TrainConfig:
    """300 epochs of gradient descent, ten times slower after 250."""
    return TrainConfig(
        epochs=300,
        batch_size=128,
        lr=0.1,
        warmup_epochs=0,
        optimizer="sgd",
        schedule="steps",
        steps=(250,),
        weight_decay=1e-4,
        decay_all=True,
    )


def contrastive(
    method: MomentumConfig, views: tuple[Augmentation, ...], split: str, *published: Published
) -> RunConfig:
    """What the published runs of the family share; joint stream."""
    return RunConfig(
        split=split,
        method=method,
        encoder=STGCNConfig(),
        prepare=contrastive_preparation(),
        augment=views,
        train=contrastive_training(),
        features=FeatureConfig(),
        published=published,
    )


def _linear(value: float, source: str) -> Published:
    return Published(protocol="linear", value=value, source=source)


@recipes.register("skeletonclr-ntu60-xsub")
def skeletonclr_ntu60_xsub() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-subject."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xsub", _linear(68.3, SKELETONCLR))


@recipes.register("skeletonclr-ntu60-xview")
def skeletonclr_ntu60_xview() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-view."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xview", _linear(76.4, SKELETONCLR))


@recipes.register("aimclr-ntu60-xsub")
def aimclr_ntu60_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-subject."""
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xsub", _linear(74.34, AIMCLR))


@recipes.register("aimclr-ntu60-xview")
def aimclr_ntu60_xview() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-view."""
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xview", _linear(79.68, AIMCLR))


@recipes.register("aimclr-ntu120-xsub")
def aimclr_ntu120_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-subject."""
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xsub", _linear(63.4, LATER))


@recipes.register("aimclr-ntu120-xset")
def aimclr_ntu120_xset() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-setup."""
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xset", _linear(63.4, LATER))


@recipes.register("aimclr-pku1-xsub")
def aimclr_pku1_xsub() -> RunConfig:
    """AimCLR on PKU-MMD I, cross-subject."""
    return contrastive(AimCLRConfig(), aimclr_views(), "pku1-xsub", _linear(83.43, AIMCLR))
