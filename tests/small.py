"""Any registered recipe or setting, with networks small enough to test."""

from functools import cache

from kineme.config import Config
from kineme.encoders import encoders
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import methods
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.config import Start

_SIZES = {
    "width": 16,
    "depth": 1,
    "heads": 2,
    "segment": 4,
    "decoder_width": 16,
    "decoder_depth": 1,
    "decoder_heads": 2,
    "hidden": 8,
    "features": 8,
    "queue_size": 32,
    "hidden_channels": 4,
    "widths": (16, 16),
    "strides": (1, 2),
    "local_heads": 1,
}


def small(settings: Config) -> Config:
    """The same settings with every size that is known by its name made small."""
    return settings.with_changes(**{key: size for key, size in _SIZES.items() if key in type(settings).model_fields})


def small_run(config: RunConfig) -> RunConfig:
    """A run of small networks on short windows of one body, over all clips, from scratch."""
    return config.with_changes(
        split=None,
        start=Start(),
        method=small(config.method),
        encoder=small(config.encoder),
        prepare=config.prepare.with_changes(window=16, bodies=1),
        train=config.train.with_changes(epochs=1, batch_size=4),
    )


def small_pair(method: str, encoder: str) -> RunConfig:
    """Run of any method on any encoder, at their default settings made small."""
    kind = methods.get(method)
    plain = RunConfig.parse(
        {"method": {"name": method}, "encoder": {"name": encoder}, "augment": [{}] * kind.num_views}
    )
    return small_run(plain)


def encoder_for(method: str) -> str:
    """The encoder of a method's own recipes; any for supervised training."""
    masked = dict.fromkeys(("mae", "mamp", "stjd_mp"), "skeleton_transformer")
    own = {"hacm": "ball_transformer", "agrnet": "agrnet", "danet": "danet"}
    return {**masked, **own}.get(method, "stgcn")


@cache
def pairs() -> list[tuple[str, str]]:
    """Every registered method with every registered encoder that it accepts; others are a `ConfigError`."""
    return [
        (method, encoder)
        for method in methods.names()
        for encoder in encoders.names()
        if _is_accepted(small_pair(method, encoder))
    ]


def _is_accepted(config: RunConfig) -> bool:
    try:
        build_method(config, Layout.get("kinect20"), 3)
    except ConfigError:
        return False
    return True
