"""Recipes of DANet (spec-danet §2 and §5).

A re-implementation from the published description. The training is that of the same authors' RSA-Net, whose settings
were published; the network's sizes and the pairs are our reading. The paper's numbers could not be obtained, so none
stand here. Streams are trained one by one (``--prepare.stream``) and fused by class scores.
"""

from kineme.encoders.danet import DANetEncoderConfig
from kineme.evaluate.config import ClassifyConfig
from kineme.methods.danet import DANetConfig
from kineme.recipes.base import RunConfig, recipes
from kineme.recipes.compact_contrastive import PLAIN
from kineme.recipes.small import register_small
from kineme.train.config import TrainConfig
from kineme.transforms.settings import Augmentation, Preparation

SAME_VIEWS, NEW_VIEWS = 0.3, 0.5
"""Largest random angle about every axis, radians: where the cameras of the test train too, and where they do not."""
PROTOCOLS = {
    "ntu60-xsub": ("NTU RGB+D 60, cross-subject", 2, SAME_VIEWS),
    "ntu60-xview": ("NTU RGB+D 60, cross-view", 2, NEW_VIEWS),
    "ntu120-xsub": ("NTU RGB+D 120, cross-subject", 2, SAME_VIEWS),
    "ntu120-xset": ("NTU RGB+D 120, cross-setup", 2, SAME_VIEWS),
    "uestc-xsub": ("UESTC, cross-subject", 1, SAME_VIEWS),
    "uestc-xview2-even": ("UESTC, cross-view, even views to odd ones", 1, NEW_VIEWS),
    "uestc-xview2-odd": ("UESTC, cross-view, odd views to even ones", 1, NEW_VIEWS),
    "uestc-xview1-v0": ("UESTC, the front view to all others", 1, NEW_VIEWS),
    "uestc-arbitrary": ("UESTC, fixed views to the moving one", 1, NEW_VIEWS),
}
"""Splits: what they are, bodies per clip, and the angle."""
_WINDOW_SECONDS = 6.0  # a moving camera's clips are ten times as long as those trained on


def small_network() -> DANetEncoderConfig:
    """Six blocks instead of ten: the preset ``danet_s``."""
    return DANetEncoderConfig(widths=(64, 64, 128, 128, 256, 256), strides=(1, 1, 2, 1, 2, 1))


def _turned(angle: float, min_frames: int = 64) -> tuple[Augmentation, Augmentation]:
    view = Augmentation(rotation=(angle, angle, angle), min_frames=min_frames)
    return view, view


def published(split: str) -> RunConfig:
    """Pairs of clips of the same part of an action, each turned by itself: 32 pairs, for batches of 64 clips."""
    _, bodies, angle = PROTOCOLS[split]
    return RunConfig(
        split=split,
        method=DANetConfig(),
        encoder=DANetEncoderConfig(),
        prepare=Preparation(window=64, bodies=bodies),
        augment=_turned(angle),
        share_crop=True,
        partner="other_view",
        train=TrainConfig(
            epochs=120,
            batch_size=32,
            lr=0.1,
            warmup_epochs=5,
            optimizer="sgd",
            nesterov=True,
            schedule="steps",
            steps=(60, 90),
            weight_decay=4e-4,
            decay_all=True,
        ),
        classify=ClassifyConfig(window_seconds=_WINDOW_SECONDS if split == "uestc-arbitrary" else None),
    )


def _register(split: str) -> None:
    def full() -> RunConfig:
        return published(split)

    def small() -> RunConfig:
        return published(split).with_changes(encoder=small_network())

    what = PROTOCOLS[split][0]
    full.__doc__ = f"DANet on {what}; joint stream. No numbers are published in a form that we could obtain."
    small.__doc__ = f"Six blocks of DANet on {what}; joint stream. A size of ours."
    recipes.register(f"danet-{split}")(full)
    recipes.register(f"danet_s-{split}")(small)


for each in PROTOCOLS:
    _register(each)


@recipes.register("danet-compact")
def danet_compact() -> RunConfig:
    """DANet for a small store of your own, minutes on a processor; all its clips, of which it takes the labels."""
    return RunConfig(
        method=DANetConfig(),
        encoder=DANetEncoderConfig(widths=(16, 32, 64, 64), strides=(2, 1, 2, 1), heads=4),
        prepare=Preparation(window=32, bodies=1, yaw=True, test_keep=1.0),
        augment=(PLAIN, PLAIN),
        share_crop=True,
        partner="other_view",
        train=TrainConfig(
            epochs=40, batch_size=16, lr=4e-3, min_lr=0.0, warmup_epochs=3, betas=(0.9, 0.999), checkpoint_epochs=10
        ),
    )


# Where there is one camera, partners are other clips of the class.
register_small("danet", "DANet", danet_compact)
