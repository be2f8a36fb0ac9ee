"""Recipes of SkeletonCLR, CrosSCLR and AimCLR on NTU RGB+D 60 and 120 and PKU-MMD I (spec-contrastive §10 f., §14)."""

from kineme.encoders.stgcn import STGCNConfig
from kineme.evaluate.config import FeatureConfig, FineTuneConfig, LinearProbeConfig
from kineme.methods.aimclr import AimCLRConfig
from kineme.methods.crosclr import CrosSCLRConfig
from kineme.methods.momentum_contrast import MomentumConfig
from kineme.methods.skeletonclr import SkeletonCLRConfig
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import Published, RunConfig, recipes
from kineme.recipes.contrastive_views import aimclr_views, contrastive_preparation, plain_view, two_views
from kineme.train.config import TrainConfig
from kineme.transforms.settings import Augmentation

SKELETONCLR = "README of CrosSCLR's code"
AIMCLR = "README of AimCLR's released weights"
LATER = "ActCLR's project page, table 1"
TUNED = "ActCLR's project page, table 4"
SEMI = "AimCLR as quoted by later tables"


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


def contrastive_fine_tuning(split: str) -> FineTuneConfig:
    """All weights and a linear layer on clips as they are, for 80 epochs; ten times slower after 9 or 29, and 49.

    The authors name the epochs, counted from 1, that are slower already: 10 or 30, and 50.
    """
    (view,) = plain_view()
    return FineTuneConfig(
        method=SupervisedConfig(head="plain", label_smoothing=0),
        drop_path=0,
        augment=view,
        train=contrastive_training().with_changes(
            epochs=80, nesterov=True, steps=(9, 49) if split == "ntu60-xview" else (29, 49)
        ),
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
        probe=contrastive_probe(),
        finetune=contrastive_fine_tuning(split),
        published=published,
    )


def _linear(value: float, source: str) -> Published:
    return Published(protocol="linear", value=value, source=source)


def _three_streams(value: float, source: str) -> Published:
    return Published(protocol="fusion-linear", value=value, source=source)


def _tuned(value: float) -> Published:
    return Published(protocol="finetune", value=value, source=TUNED)


def fused(source: str, **values: float) -> tuple[Published, ...]:
    """Accuracies of fine-tuned networks of three streams together, by `kineme.evaluate.finetune.protocol_name`."""
    return tuple(
        Published(protocol=f"fused {protocol}", value=value, source=source) for protocol, value in values.items()
    )


@recipes.register("skeletonclr-ntu60-xsub")
def skeletonclr_ntu60_xsub() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-subject."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xsub", _linear(68.3, SKELETONCLR), _tuned(82.2))


@recipes.register("skeletonclr-ntu60-xview")
def skeletonclr_ntu60_xview() -> RunConfig:
    """SkeletonCLR on NTU RGB+D 60, cross-view."""
    return contrastive(SkeletonCLRConfig(), two_views(), "ntu60-xview", _linear(76.4, SKELETONCLR), _tuned(88.9))


@recipes.register("crosclr-ntu60-xsub")
def crosclr_ntu60_xsub() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 60, cross-subject."""
    numbers = _three_streams(77.8, SKELETONCLR), *fused(TUNED, finetune=86.2)
    return contrastive(CrosSCLRConfig(), two_views(), "ntu60-xsub", *numbers)


@recipes.register("crosclr-ntu60-xview")
def crosclr_ntu60_xview() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 60, cross-view."""
    numbers = _three_streams(83.4, SKELETONCLR), *fused(TUNED, finetune=92.5)
    return contrastive(CrosSCLRConfig(), two_views(), "ntu60-xview", *numbers)


@recipes.register("crosclr-ntu120-xsub")
def crosclr_ntu120_xsub() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 120, cross-subject."""
    numbers = _three_streams(67.9, SKELETONCLR), *fused(TUNED, finetune=80.5)
    return contrastive(CrosSCLRConfig(), two_views(), "ntu120-xsub", *numbers)


@recipes.register("crosclr-ntu120-xset")
def crosclr_ntu120_xset() -> RunConfig:
    """CrosSCLR of joints, motion and bones on NTU RGB+D 120, cross-setup."""
    numbers = _three_streams(66.7, SKELETONCLR), *fused(TUNED, finetune=80.4)
    return contrastive(CrosSCLRConfig(), two_views(), "ntu120-xset", *numbers)


@recipes.register("aimclr-ntu60-xsub")
def aimclr_ntu60_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-subject."""
    frozen = _linear(74.34, AIMCLR), _three_streams(79.18, AIMCLR)
    tuned = _tuned(83.0), *fused(TUNED, finetune=86.9), *fused(SEMI, semi1=54.8, semi10=78.2)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xsub", *frozen, *tuned)


@recipes.register("aimclr-ntu60-xview")
def aimclr_ntu60_xview() -> RunConfig:
    """AimCLR on NTU RGB+D 60, cross-view."""
    frozen = _linear(79.68, AIMCLR), _three_streams(84.02, AIMCLR)
    tuned = _tuned(89.2), *fused(TUNED, finetune=92.8), *fused(SEMI, semi1=54.3, semi10=81.6)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu60-xview", *frozen, *tuned)


@recipes.register("aimclr-ntu120-xsub")
def aimclr_ntu120_xsub() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-subject."""
    numbers = _linear(63.4, LATER), _three_streams(68.2, LATER), _tuned(77.2), *fused(TUNED, finetune=80.1)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xsub", *numbers)


@recipes.register("aimclr-ntu120-xset")
def aimclr_ntu120_xset() -> RunConfig:
    """AimCLR on NTU RGB+D 120, cross-setup."""
    numbers = _linear(63.4, LATER), _three_streams(68.8, LATER), _tuned(76.1), *fused(TUNED, finetune=80.9)
    return contrastive(AimCLRConfig(), aimclr_views(), "ntu120-xset", *numbers)


@recipes.register("aimclr-pku1-xsub")
def aimclr_pku1_xsub() -> RunConfig:
    """AimCLR on PKU-MMD I, cross-subject."""
    numbers = _linear(83.43, AIMCLR), _three_streams(87.79, AIMCLR)
    return contrastive(AimCLRConfig(), aimclr_views(), "pku1-xsub", *numbers)
