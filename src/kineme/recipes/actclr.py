"""Recipes of ActCLR: NTU RGB+D 60 and 120, from AimCLR's weights for the same data (spec-contrastive §10.2, §14).

Each starts from the folder where AimCLR's recipe leaves a run; ``start.weights`` names another.
"""

from kineme.methods.actclr import ActCLRConfig, ActionletConfig
from kineme.methods.actclr_paper import ActCLRPaperConfig
from kineme.recipes.base import Published, RunConfig, recipes
from kineme.recipes.contrastive import contrastive, fused
from kineme.recipes.contrastive_views import actclr_views, plain_view
from kineme.train.config import Start
from kineme.transforms.settings import Augmentation

SOURCE = "ActCLR's project page, tables 1 and 4"
SEMI = "ActCLR as quoted by later tables"


def _from_aimclr(
    method: ActionletConfig, views: tuple[Augmentation, ...], data: str, *published: Published
) -> RunConfig:
    return contrastive(method, views, data, *published).with_changes(start=Start(weights=f"runs/aimclr-{data}"))


def _actclr(data: str, linear: float, tuned: float, three_tuned: float, *semi: Published) -> RunConfig:
    """As in the authors' code; accuracies of the joint stream, and of three streams where they are fused."""
    numbers = (
        Published(protocol=protocol, value=value, source=SOURCE)
        for protocol, value in (("linear", linear), ("finetune", tuned))
    )
    three = fused(SOURCE, finetune=three_tuned)
    return _from_aimclr(ActCLRConfig(), actclr_views(), data, *numbers, *three, *semi)


@recipes.register("actclr-ntu60-xsub")
def actclr_ntu60_xsub() -> RunConfig:
    """ActCLR on NTU RGB+D 60, cross-subject; from AimCLR's weights."""
    return _actclr("ntu60-xsub", 80.9, 85.8, 88.2, *fused(SEMI, semi1=64.8, semi10=81.7))


@recipes.register("actclr-ntu60-xview")
def actclr_ntu60_xview() -> RunConfig:
    """ActCLR on NTU RGB+D 60, cross-view; from AimCLR's weights."""
    return _actclr("ntu60-xview", 86.7, 91.2, 93.9, *fused(SEMI, semi1=65.6, semi10=85.8))


@recipes.register("actclr-ntu120-xsub")
def actclr_ntu120_xsub() -> RunConfig:
    """ActCLR on NTU RGB+D 120, cross-subject; from AimCLR's weights."""
    return _actclr("ntu120-xsub", 69.0, 79.4, 82.1)


@recipes.register("actclr-ntu120-xset")
def actclr_ntu120_xset() -> RunConfig:
    """ActCLR on NTU RGB+D 120, cross-setup; from AimCLR's weights."""
    return _actclr("ntu120-xset", 70.5, 80.9, 84.6)


@recipes.register("actclr_paper-ntu60-xsub")
def actclr_paper_ntu60_xsub() -> RunConfig:
    """ActCLR by its paper's equations on NTU RGB+D 60, cross-subject; from AimCLR's weights."""
    return _from_aimclr(ActCLRPaperConfig(), plain_view(), "ntu60-xsub")


@recipes.register("actclr_paper-ntu60-xview")
def actclr_paper_ntu60_xview() -> RunConfig:
    """ActCLR by its paper's equations on NTU RGB+D 60, cross-view; from AimCLR's weights."""
    return _from_aimclr(ActCLRPaperConfig(), plain_view(), "ntu60-xview")
