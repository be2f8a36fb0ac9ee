"""A method and clips that a command is asked to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.cli.console import require_device
from kineme.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from kineme.methods import Method
    from kineme.recipes.base import RunConfig
    from kineme.store import SkeletonStore


@dataclass(frozen=True)
class Shown:
    """A method and the clips on which it is shown.

    Args:
        method: of a run or, untrained, of a recipe.
        config: of that run or recipe.
        store: the clips.
        index: (N,) positions of those wanted.
        trained: whether the method is.
    """

    method: "Method"
    config: "RunConfig"
    store: "SkeletonStore"
    index: "np.ndarray"
    trained: bool


def shown_method(run: str, store: Path, clips: int, ids: Sequence[str], seed: int, device: str) -> Shown:
    """What ``RUN --store --clips --ids`` name, with the other options checked.

    Raises:
        ConfigError: numbers that cannot be, or no such device.
        UnknownNameError: no clip with such an id.
        RunError: no run, or one without weights.
        LayoutMismatchError: clips of another layout than the run's.
    """
    from kineme.store import SkeletonStore

    require_device(device)
    require_numbers(clips=(clips, 1), seed=(seed, 0))
    opened = SkeletonStore.open(store)
    method, config, trained = _method_of(run, opened)
    return Shown(method, config, opened, chosen_clips(opened, clips, ids), trained)


def require_numbers(**least: tuple[int, int]) -> None:
    """Check options by their names, each with its value and the smallest that it may have.

    Raises:
        ConfigError: a smaller one.
    """
    for name, (value, smallest) in least.items():
        if value < smallest:
            raise ConfigError(f"--{name} {value}: expected a whole number, at least {smallest}")


def chosen_clips(store: "SkeletonStore", clips: int, ids: Sequence[str]) -> "np.ndarray":
    """Positions of named clips or, where none are named, of so many from all classes in turn."""
    from kineme.viz.contact_sheet import by_id, in_turn

    return by_id(store, ids) if ids else in_turn(store.labels, clips)


def recipe_of(run: str) -> "RunConfig | None":
    """Configuration of the recipe that is meant; None where a run's folder is."""
    from kineme.recipes.base import recipe_config, recipes

    return recipe_config(run) if run in recipes.names() and not (Path(run) / "run.json").exists() else None


def _method_of(run: str, store: "SkeletonStore") -> "tuple[Method, RunConfig, bool]":
    from kineme.train.build import build_method
    from kineme.train.run_dir import RunDir

    recipe = recipe_of(run)
    if recipe is not None:
        return build_method(recipe, store.layout, store.channels), recipe, False
    opened = RunDir.open(run)
    store.require_layout(opened.layout)
    return opened.load_method(), opened.config, True
