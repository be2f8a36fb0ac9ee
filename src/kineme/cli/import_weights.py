"""``kineme import-weights``: a checkpoint of the authors becomes a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from kineme.cli.console import console
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.layout import Layout
    from kineme.recipes.base import RunConfig

RecipeName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
File = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]


def import_weights(
    recipe: RecipeName, file: File, /, *, out: Path | None = None, store: Path | None = None, layout: str | None = None
) -> int:
    """Make a run of weights as the authors of MAE, MAMP, HA-CM, STJD-MP, or of a contrastive method save them.

    The recipe says which method and data they are of (`kineme recipes`); sizes are read from the file. No code that
    the file may hold is run. `kineme import-weights RECIPE --help` lists the settings that can be changed.

    Args:
        recipe: name of the recipe that the weights belong to.
        file: checkpoint, a .pth or .pt file.
        out: folder of the run; runs/RECIPE by default.
        store: take the joint layout of this store.
        layout: joint layout that the weights were trained on; kinect25 by default.
    """
    # `specialise` puts the recipe's own command in place of this one wherever the recipe comes first.
    raise ConfigError(f"the recipe comes before its settings: kineme import-weights {recipe} {file}")


def specialise(args: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the named recipe as its defaults, and the arguments that remain."""
    if not args or args[0].startswith("-"):
        return import_weights, list(args)
    from kineme.recipes.base import recipe_config

    return _command(recipe_config(args[0])), list(args[1:])


def _command(defaults: "RunConfig") -> Callable[..., int]:
    from kineme.recipes.base import RunConfig

    def import_recipe(
        file: File,
        /,
        *,
        out: Path | None = None,
        store: Path | None = None,
        layout: str | None = None,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Make a run of weights that the authors published.

        Args:
            file: checkpoint, a .pth or .pt file.
            out: folder of the run; runs/RECIPE by default.
            store: take the joint layout of this store.
            layout: joint layout that the weights were trained on; kinect25 by default.
            config: settings of the recipe; sizes are those of the file.
        """
        return _run(file, config, _layout(store, layout), out or Path("runs") / config.recipe)

    return import_recipe


def _layout(store: Path | None, name: str | None) -> "Layout":
    from kineme.layout import Layout
    from kineme.store import SkeletonStore

    if store is None:
        return Layout.get(name or "kinect25")
    if name is not None:
        raise ConfigError("--store and --layout both say which joints; give one of them")
    return SkeletonStore.open(store).layout


def _run(file: Path, config: "RunConfig", layout: "Layout", out: Path) -> int:
    from kineme.infer.import_weights import import_weights

    imported = import_weights(file, config, layout, out)
    for note in imported.notes:
        console.print(note, soft_wrap=True)
    run = imported.run.path
    console.print(f"imported: {run}\nmeasure it: kineme eval linear {run} --store STORE", soft_wrap=True)
    return 0
