"""Compact recipes for small data: minutes on a processor, found without test clips or labels of them.

What they change of the published ones, and what each change gave, is told in docs/small-data.md.
"""

import math

from kineme.encoders.skeleton_transformer import SkeletonTransformerConfig
from kineme.evaluate.config import FeatureConfig, FineTuneConfig, LinearProbeConfig
from kineme.methods.mae import MAEConfig
from kineme.methods.mamp import MAMPConfig
from kineme.methods.masked import MaskedConfig
from kineme.methods.stjd_mp import STJDMPConfig
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import RunConfig, recipes
from kineme.recipes.small import SmallData, on, register_small
from kineme.train.config import TrainConfig
from kineme.transforms.pipeline import Augmentation, Preparation


def _compact(method: MaskedConfig) -> RunConfig:
    """A narrow encoder on the first body, facing the viewer; small turns, mirroring and scaling for the rest."""
    return RunConfig(
        method=method,
        encoder=SkeletonTransformerConfig(width=64, depth=4, heads=2, mlp_ratio=2, segment=8),
        prepare=Preparation(window=40, bodies=1, yaw=True, test_keep=1.0),
        augment=(Augmentation(min_frames=8, rotation=(0, math.radians(30), 0), mirror=0.5, scale=0.1),),
        train=TrainConfig(epochs=240, batch_size=64, lr=3e-3, min_lr=0.0, warmup_epochs=12, checkpoint_epochs=40),
        features=compact_features(),
        probe=LinearProbeConfig(lr=0.02),
        finetune=compact_fine_tuning(),
    )


def compact_features() -> FeatureConfig:
    """Joints side by side, the mean over seven views."""
    return FeatureConfig(pool="joint", views=7, average=True, standardise=True)


def compact_fine_tuning() -> FineTuneConfig:
    """Half a minute to a few minutes; no layer-wise decay, which would hold a shallow network back."""
    return FineTuneConfig(
        method=SupervisedConfig(hidden=256, dropout=0.5),
        drop_path=0.1,
        train=FineTuneConfig().train.with_changes(
            epochs=30, batch_size=16, lr=1e-3, min_lr=0.0, warmup_epochs=3, layer_decay=1.0, checkpoint_epochs=10
        ),
    )


def masked_on(config: RunConfig, data: SmallData, **method: float) -> RunConfig:
    """A recipe of the masked family on a small dataset; shorter tokens for fast movements where clips are few.

    Args:
        config: recipe for small stores.
        data: the dataset.
        method: settings of the method that change where clips are few.
    """
    config = on(config, data)
    if data.few is None:
        return config
    return config.with_changes(
        method=config.method.with_changes(**method),
        encoder=config.encoder.with_changes(segment=4),
        train=config.train.with_changes(epochs=data.epochs(120), batch_size=32, warmup_epochs=6),
    )


def _mask_fewer(config: RunConfig, data: SmallData) -> RunConfig:
    return masked_on(config, data, mask_ratio=0.5)


@recipes.register("mae-compact")
def mae_compact() -> RunConfig:
    """MAE for a small store of your own; all its clips."""
    return _compact(MAEConfig(mask_ratio=0.8, decoder_width=64, decoder_depth=1, decoder_heads=1))


@recipes.register("mamp-compact")
def mamp_compact() -> RunConfig:
    """MAMP for a small store of your own; all its clips."""
    return _compact(
        MAMPConfig(
            mask_ratio=0.6,
            decoder_width=64,
            decoder_depth=1,
            decoder_heads=1,
            norm_target="clip",
            tau=0.8,
            motion_stride=8,
        )
    )


@recipes.register("stjd_mp-compact")
def stjd_mp_compact() -> RunConfig:
    """STJD-MP for a small store of your own; all its clips. Settings of MAMP's."""
    compact = mamp_compact()
    return compact.with_changes(method=STJDMPConfig.parse({**dict(compact.method), "name": "stjd_mp"}))


register_small("mae", "MAE", mae_compact, _mask_fewer)
register_small("mamp", "MAMP", mamp_compact, _mask_fewer)
register_small("stjd_mp", "STJD-MP", stjd_mp_compact, _mask_fewer)


@recipes.register("mamp-demo")
def mamp_demo() -> RunConfig:
    """MAMP on the demo's synthetic motions, odd to even subjects; about a minute and a half."""
    compact = mamp_compact()
    return compact.with_changes(
        split="odd-even-subjects",
        encoder=compact.encoder.with_changes(depth=3),
        train=compact.train.with_changes(epochs=240, batch_size=32),
        features=compact.features.with_changes(views=5),
    )
