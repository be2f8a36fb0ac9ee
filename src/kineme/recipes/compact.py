"""Compact recipes of MAE and MAMP for small data: minutes on a processor, found without test clips or labels of them.

What they add to the published ones, and why, is told in docs/benchmarks.md.
"""

import math

from kineme.encoders.skeleton_transformer import SkeletonTransformerConfig
from kineme.evaluate.config import FeatureConfig, LinearProbeConfig
from kineme.methods.mae import MAEConfig
from kineme.methods.mamp import MAMPConfig
from kineme.recipes.base import RunConfig, recipes
from kineme.train.config import TrainConfig
from kineme.transforms.pipeline import Augmentation, Preparation


@recipes.register("mae-compact")
def mae_compact() -> RunConfig:
    """MAE for a small store of your own; all its clips."""
    method = MAEConfig(mask_ratio=0.8, decoder_width=64, decoder_depth=1, decoder_heads=1)
    return RunConfig(
        method=method,
        encoder=SkeletonTransformerConfig(width=64, depth=4, heads=2, mlp_ratio=2, segment=8),
        prepare=Preparation(window=40, bodies=1, yaw=True, test_keep=1.0),
        augment=(
            Augmentation(keep=(0.5, 1.0), min_frames=8, rotation=(0, math.radians(30), 0), mirror=0.5, scale=0.1),
        ),
        train=TrainConfig(epochs=400, batch_size=64, lr=1e-3, min_lr=0.0, warmup_epochs=20, checkpoint_epochs=50),
        features=FeatureConfig(pool="moments", views=9, average=True, standardise=True),
        probe=LinearProbeConfig(lr=0.1),
    )


@recipes.register("mamp-compact")
def mamp_compact() -> RunConfig:
    """MAMP for a small store of your own; all its clips."""
    shared = mae_compact()
    sizes = shared.method.model_dump(exclude={"name", "norm_target"})
    return shared.with_changes(method=MAMPConfig(**sizes, norm_target="clip", tau=0.8, motion_stride=4))


@recipes.register("mae-nucla")
def mae_nucla() -> RunConfig:
    """MAE on N-UCLA, views 1 and 2 to view 3."""
    return mae_compact().with_changes(split="nucla-xview")


@recipes.register("mamp-nucla")
def mamp_nucla() -> RunConfig:
    """MAMP on N-UCLA, views 1 and 2 to view 3."""
    return mamp_compact().with_changes(split="nucla-xview")


@recipes.register("mae-utd-mhad")
def mae_utd_mhad() -> RunConfig:
    """MAE on UTD-MHAD, odd to even subjects."""
    return mae_compact().with_changes(split="odd-even-subjects")


@recipes.register("mamp-utd-mhad")
def mamp_utd_mhad() -> RunConfig:
    """MAMP on UTD-MHAD, odd to even subjects."""
    return mamp_compact().with_changes(split="odd-even-subjects")


@recipes.register("mamp-demo")
def mamp_demo() -> RunConfig:
    """MAMP on the demo's synthetic motions, odd to even subjects; about a minute and a half."""
    compact = mamp_compact()
    return compact.with_changes(
        split="odd-even-subjects",
        prepare=compact.prepare.with_changes(bodies=2),
        train=compact.train.with_changes(epochs=80, warmup_epochs=4, checkpoint_epochs=20),
    )
