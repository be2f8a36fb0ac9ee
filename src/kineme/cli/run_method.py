"""The method that a command is asked to show."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kineme.methods import Method
    from kineme.recipes.base import RunConfig
    from kineme.store import SkeletonStore


def method_of(run: str, store: "SkeletonStore") -> "tuple[Method, RunConfig, bool]":
    """Method of a run or, untrained, of a recipe; its configuration; whether it is trained."""
    from kineme.recipes.base import recipe_config, recipes
    from kineme.train.build import build_method
    from kineme.train.run_dir import RunDir

    if run in recipes.names() and not (Path(run) / "run.json").exists():
        config = recipe_config(run)
        return build_method(config, store.layout, store.channels), config, False
    opened = RunDir.open(run)
    store.require_layout(opened.layout)
    return opened.load_method(), opened.config, True
