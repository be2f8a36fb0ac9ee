"""Recipes of MAE and MAMP as published: NTU RGB+D 60 and 120, PKU-MMD I and II (spec-masked §3.3, §4, §8)."""

from kineme.encoders.skeleton_transformer import SkeletonTransformerConfig
from kineme.evaluate.config import FeatureConfig, LinearProbeConfig
from kineme.methods.mae import MAEConfig
from kineme.methods.mamp import MAMPConfig
from kineme.methods.masked import MaskedConfig
from kineme.recipes.base import Published, RunConfig, recipes
from kineme.train.config import Subset

PAPER = "Mao et al., ICCV 2023, as quoted by later tables"
RELEASE = "README of the released weights"


def _masked(method: MaskedConfig, split: str, probe: LinearProbeConfig, *published: Published) -> RunConfig:
    """What all of them share is the default of every setting, but the views that stand in for fresh augmentation."""
    return RunConfig(
        split=split,
        method=method,
        encoder=SkeletonTransformerConfig(),
        subset=Subset(rule="published"),
        features=FeatureConfig(views=5),
        probe=probe,
        published=published,
    )


def _linear(value: float, source: str = PAPER) -> Published:
    return Published(protocol="linear", value=value, source=source)


def _tuned(value: float, source: str = PAPER) -> Published:
    return Published(protocol="finetune", value=value, source=source)


def _semi(one_percent: float, ten_percent: float) -> tuple[Published, Published]:
    """With a hundredth and a tenth of the labels; means over five drawings."""
    return (
        Published(protocol="semi1", value=one_percent, source=PAPER),
        Published(protocol="semi10", value=ten_percent, source=PAPER),
    )


NTU_PROBE = LinearProbeConfig()
PKU1_PROBE = LinearProbeConfig(batch_size=128)
PKU2_PROBE = LinearProbeConfig(batch_size=32, lr=0.01)


@recipes.register("mamp-ntu60-xsub")
def mamp_ntu60_xsub() -> RunConfig:
    """MAMP on NTU RGB+D 60, cross-subject."""
    method = MAMPConfig(decoder_depth=3, tau=0.8)
    linear, tuned = (_linear(84.9), _linear(85.0, RELEASE)), (_tuned(93.1), _tuned(93.0, RELEASE))
    return _masked(method, "ntu60-xsub", NTU_PROBE, *linear, *tuned, *_semi(66.0, 88.0))


@recipes.register("mamp-ntu60-xview")
def mamp_ntu60_xview() -> RunConfig:
    """MAMP on NTU RGB+D 60, cross-view."""
    method = MAMPConfig(decoder_depth=3, tau=0.8)
    linear, tuned = (_linear(89.1), _linear(89.0, RELEASE)), (_tuned(97.5), _tuned(97.5, RELEASE))
    return _masked(method, "ntu60-xview", NTU_PROBE, *linear, *tuned, *_semi(68.7, 91.5))


@recipes.register("mamp-ntu120-xsub")
def mamp_ntu120_xsub() -> RunConfig:
    """MAMP on NTU RGB+D 120, cross-subject."""
    method = MAMPConfig(decoder_depth=5, tau=0.75)
    linear, tuned = (_linear(78.6), _linear(78.1, RELEASE)), (_tuned(90.0), _tuned(89.8, RELEASE))
    return _masked(method, "ntu120-xsub", NTU_PROBE, *linear, *tuned)


@recipes.register("mamp-ntu120-xset")
def mamp_ntu120_xset() -> RunConfig:
    """MAMP on NTU RGB+D 120, cross-setup."""
    method = MAMPConfig(decoder_depth=5, tau=0.75)
    linear, tuned = (_linear(79.1), _linear(79.5, RELEASE)), (_tuned(91.3), _tuned(91.5, RELEASE))
    return _masked(method, "ntu120-xset", NTU_PROBE, *linear, *tuned)


@recipes.register("mamp-pku1-xsub")
def mamp_pku1_xsub() -> RunConfig:
    """MAMP on PKU-MMD I, cross-subject; raw camera coordinates, ended at epoch 300 of 400."""
    return _pku(_masked(MAMPConfig(decoder_depth=5, tau=0.8), "pku1-xsub", PKU1_PROBE, _linear(92.2)))


@recipes.register("mamp-pku2-xsub")
def mamp_pku2_xsub() -> RunConfig:
    """MAMP on PKU-MMD II, cross-subject; raw camera coordinates, ended at epoch 300 of 400."""
    return _pku(_masked(MAMPConfig(decoder_depth=5, tau=0.8), "pku2-xsub", PKU2_PROBE, _linear(53.8)))


def _pku(config: RunConfig) -> RunConfig:
    """The authors leave PKU-MMD in camera coordinates and use their checkpoint of epoch 300."""
    return config.with_changes(
        prepare=config.prepare.with_changes(centre=False), train=config.train.with_changes(stop_epoch=300)
    )


def _as_mae(config: RunConfig) -> RunConfig:
    """The MAE baseline of a MAMP recipe; no numbers of it are published for the linear probe."""
    depth = config.method.model_dump()["decoder_depth"]
    return config.with_changes(method=MAEConfig(decoder_depth=depth), published=())


@recipes.register("mae-ntu60-xsub")
def mae_ntu60_xsub() -> RunConfig:
    """MAE on NTU RGB+D 60, cross-subject."""
    return _as_mae(mamp_ntu60_xsub())


@recipes.register("mae-ntu60-xview")
def mae_ntu60_xview() -> RunConfig:
    """MAE on NTU RGB+D 60, cross-view."""
    return _as_mae(mamp_ntu60_xview())


@recipes.register("mae-ntu120-xsub")
def mae_ntu120_xsub() -> RunConfig:
    """MAE on NTU RGB+D 120, cross-subject."""
    return _as_mae(mamp_ntu120_xsub())


@recipes.register("mae-ntu120-xset")
def mae_ntu120_xset() -> RunConfig:
    """MAE on NTU RGB+D 120, cross-setup."""
    return _as_mae(mamp_ntu120_xset())


@recipes.register("mae-pku1-xsub")
def mae_pku1_xsub() -> RunConfig:
    """MAE on PKU-MMD I, cross-subject."""
    return _as_mae(mamp_pku1_xsub())


@recipes.register("mae-pku2-xsub")
def mae_pku2_xsub() -> RunConfig:
    """MAE on PKU-MMD II, cross-subject."""
    return _as_mae(mamp_pku2_xsub())
