"""Recipes of supervised training from scratch: what every paper compares with, for every encoder.

Compact ones train the encoder of another method's compact recipe, on the same clips under its mildest view, so that
the two can be compared. They have the head and schedule of compact fine-tuning, for longer, and were not tuned.
"""

from kineme.encoders.stgcn import STGCNConfig
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import Published, RunConfig, fine_tuning, recipe_config, recipes
from kineme.recipes.compact import compact_fine_tuning
from kineme.recipes.contrastive import contrastive_training
from kineme.recipes.contrastive_views import plain_view
from kineme.recipes.small import SmallData, register_small
from kineme.train.config import Start
from kineme.transforms.settings import Preparation

EPOCHS = 80
SOURCES = {
    "stgcn": "skeletonclr",
    "skeleton_transformer": "mamp",
    "ball_transformer": "hacm",
    "danet": "danet",
    "agrnet": "agrnet",
}
"""Encoders and the methods whose compact recipes have them."""
YAN = "README of the authors' repository, yysijie/st-gcn (Yan et al., AAAI 2018)"


def from_labels(config: RunConfig) -> RunConfig:
    """Another method's configuration turned to supervised training of its encoder from scratch."""
    tuning = fine_tuning(config.with_changes(finetune=compact_fine_tuning()), weights="")
    train = tuning.train.with_changes(epochs=EPOCHS, checkpoint_epochs=20)
    return tuning.with_changes(train=train, start=Start())


def _register(encoder: str, source: str) -> None:
    def compact() -> RunConfig:
        return from_labels(recipe_config(f"{source}-compact"))

    def adapted(_: RunConfig, data: SmallData) -> RunConfig:
        return from_labels(recipe_config(f"{source}-{data.name}"))

    compact.__doc__ = f"Supervised training of {encoder} for a small store of your own; sizes of {source}-compact."
    recipes.register(f"supervised-{encoder}-compact")(compact)
    register_small(
        f"supervised-{encoder}", f"Supervised training of {encoder}, with {source}'s sizes,", compact, adapted
    )


for encoder, source in SOURCES.items():
    _register(encoder, source)


def _stgcn(split: str, published: float) -> RunConfig:
    """ST-GCN as its authors train it: clips as they are, 80 epochs, ten times slower after 10 and 50.

    The authors fill clips up to 300 frames with zeros; here they are resized to 300.
    """
    return RunConfig(
        split=split,
        method=SupervisedConfig(head="plain", label_smoothing=0),
        encoder=STGCNConfig(hidden_channels=64),
        prepare=Preparation(window=300, centre=False, test_keep=1.0),
        augment=plain_view(),
        train=contrastive_training().with_changes(epochs=80, batch_size=64, nesterov=True, steps=(10, 50)),
        published=(Published(protocol="classify", value=published, source=YAN),),
    )


@recipes.register("supervised-stgcn-ntu60-xsub")
def supervised_stgcn_ntu60_xsub() -> RunConfig:
    """ST-GCN by supervised training on NTU RGB+D 60, cross-subject."""
    return _stgcn("ntu60-xsub", 81.6)


@recipes.register("supervised-stgcn-ntu60-xview")
def supervised_stgcn_ntu60_xview() -> RunConfig:
    """ST-GCN by supervised training on NTU RGB+D 60, cross-view."""
    return _stgcn("ntu60-xview", 88.8)
