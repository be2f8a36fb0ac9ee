"""Recipes of SkeletonCLR, CrosSCLR and AimCLR on NTU RGB+D 60 and 120 and PKU-MMD I (spec-contrastive §10, §14)."""

from kineme.encoders.stgcn import STGCNConfig
from kineme.evaluate.config import FeatureConfig, LinearProbeConfig
from kineme.methods.aimclr import AimCLRConfig
from kineme.methods.crosclr import CrosSCLRConfig
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


def contrastive_probe() -> LinearProbeConfig:
    """A linear layer without batch norm for 100 epochs, ten times slower after 80."""
    return LinearProbeConfig(norm=False, lr=3, batch_size=128, schedule="steps", steps=(80,))


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
        probe=contrastive_probe(),
        published=published,
    )


def _linear(value: float, source: str) -> Published:
    return Published(protocol="linear", value=value, source=source)


def _three_streams(value: float, source: str) -> Published:
    return Published(protocol="fusion", value=value, source=source)


@recipes.register("skeletonclr-ntu60-xsub")
def skeletonclr_ntu60_xsub() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-subject."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xsub", _linear(68.3, SKELETONCLR))


@recipes.register("skeletonclr-ntu60-xview")
def skeletonclr_ntu60_xview() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-view."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xview", _linear(76.4, SKELETONCLR))


@recipes.register("crosclr-ntu60-xsub")
def crosclr_ntu60_xsub() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 60, cross-subject."""
    return contrastive(CrosSCLRConfig(), two_views(), "ntu60-xsub", _three_streams(77.8, SKELETONCLR))


@recipes.register("crosclr-ntu60-xview")
def crosclr_ntu60_xview() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 60, cross-view."""
    return contrastive(CrosSCLRConfig(), two_views(), "ntu60-xview", _three_streams(83.4, SKELETONCLR))


@recipes.register("crosclr-ntu120-xsub")
def crosclr_ntu120_xsub() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 120, cross-subject."""
    return contrastive(CrosSCLRConfig(), two_views(), "ntu120-xsub", _three_streams(67.9, SKELETONCLR))


@recipes.register("crosclr-ntu120-xset")
def crosclr_ntu120_xset() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 120, cross-setup."""
    return contrastive(CrosSCLRConfig(), two_views(), "ntu120-xset", _three_streams(66.7, SKELETONCLR))


@recipes.register("aimclr-ntu60-xsub")
def aimclr_ntu60_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-subject."""
    numbers = _linear(74.34, AIMCLR), _three_streams(79.18, AIMCLR)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xsub", *numbers)


@recipes.register("aimclr-ntu60-xview")
def aimclr_ntu60_xview() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-view."""
    numbers = _linear(79.68, AIMCLR), _three_streams(84.02, AIMCLR)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xview", *numbers)


@recipes.register("aimclr-ntu120-xsub")
def aimclr_ntu120_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-subject."""
    numbers = _linear(63.4, LATER), _three_streams(68.2, LATER)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xsub", *numbers)


@recipes.register("aimclr-ntu120-xset")
def aimclr_ntu120_xset() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-setup."""
    numbers = _linear(63.4, LATER), _three_streams(68.8, LATER)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xset", *numbers)


@recipes.register("aimclr-pku1-xsub")
def aimclr_pku1_xsub() -> RunConfig:
    """AimCLR on PKU-MMD I, cross-subject."""
    numbers = _linear(83.43, AIMCLR), _three_streams(87.79, AIMCLR)
    return contrastive(AimCLRConfig(), aimclr_views(), "pku1-xsub", *numbers)
