"""Recipes of STJD-MP as published: MAMP's weights, trained on with other masks (spec-stjd §4, §5.1, §7).

Each starts from the folder where MAMP's recipe for the same data leaves a run; ``start.weights`` names another.
"""

from kineme.evaluate.config import LinearProbeConfig
from kineme.methods.stjd_mp import STJDMPConfig
from kineme.recipes.base import Published, RunConfig, recipe_config, recipes
from kineme.train.config import Start

SOURCE = "Gunasekara et al., T-BIOM 2025, as quoted by a later paper of theirs"


def _from_mamp(data: str, *linear: float, tau: float = 0.8, probe: LinearProbeConfig | None = None) -> RunConfig:
    """MAMP's recipe on the same data, from its weights; 400 epochs whatever MAMP's."""
    mamp = recipe_config(f"mamp-{data}")
    return mamp.with_changes(
        method=STJDMPConfig(tau=tau),
        train=mamp.train.with_changes(stop_epoch=None),
        start=Start(weights=f"runs/mamp-{data}"),
        probe=probe or mamp.probe,
        published=tuple(Published(protocol="linear", value=value, source=SOURCE) for value in linear),
    )


@recipes.register("stjd_mp-ntu60-xsub")
def stjd_mp_ntu60_xsub() -> RunConfig:
    """STJD-MP on NTU RGB+D 60, cross-subject; from MAMP's weights."""
    return _from_mamp("ntu60-xsub", 85.4)


@recipes.register("stjd_mp-ntu60-xview")
def stjd_mp_ntu60_xview() -> RunConfig:
    """STJD-MP on NTU RGB+D 60, cross-view; from MAMP's weights."""
    return _from_mamp("ntu60-xview", 90.2)


@recipes.register("stjd_mp-ntu120-xsub")
def stjd_mp_ntu120_xsub() -> RunConfig:
    """STJD-MP on NTU RGB+D 120, cross-subject; from MAMP's weights."""
    return _from_mamp("ntu120-xsub", 79.1, tau=0.75, probe=LinearProbeConfig(epochs=120, lr=0.05))


@recipes.register("stjd_mp-ntu120-xset")
def stjd_mp_ntu120_xset() -> RunConfig:
    """STJD-MP on NTU RGB+D 120, cross-setup; from MAMP's weights."""
    return _from_mamp("ntu120-xset", 80.4, tau=0.75)


@recipes.register("stjd_mp-pku1-xsub")
def stjd_mp_pku1_xsub() -> RunConfig:
    """STJD-MP on PKU-MMD I, cross-subject; from MAMP's weights."""
    return _from_mamp("pku1-xsub")


@recipes.register("stjd_mp-pku2-xsub")
def stjd_mp_pku2_xsub() -> RunConfig:
    """STJD-MP on PKU-MMD II, cross-subject; from MAMP's weights."""
    return _from_mamp("pku2-xsub")
