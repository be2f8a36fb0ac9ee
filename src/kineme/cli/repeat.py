"""``kineme repeat``: one recipe with several seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from kineme.cli.console import console
from kineme.cli.pretrain import Accelerator, RecipeName, recipe_first
from kineme.cli.reproduce import run_table, show_table
from kineme.cli.run_method import require_numbers
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.recipes.base import RunConfig
    from kineme.reproduce.tables import Table


@dataclass(frozen=True)
class Options:
    """What is said beside the settings of the recipe."""

    store: Path | None = None
    """folder of the labelled store"""
    seeds: int = 3
    """how many, from --train.seed on"""
    protocols: tuple[str, ...] = ()
    """how runs are measured: linear, common, knn, finetune, semi10, fusion-linear and so on; by default classify for
    supervised recipes, linear and knn for all others"""
    out: Path | None = None
    """folder for the runs and the page; runs/RECIPE-seeds by default"""
    dry_run: bool = False
    """print the resolved configuration and stop"""
    accelerator: Accelerator = "auto"
    """where to train and evaluate"""
    workers: int | None = None
    """trainings at once; by default one per CUDA device, or else one per processor core"""
    threads: int = 1
    """processor threads of each"""


OwnOptions = Annotated[Options, tyro.conf.arg(name="")]
DEFAULTS = Options()


def repeat(recipe: RecipeName, /, *, options: OwnOptions = DEFAULTS) -> int:
    """Train and measure a recipe with several seeds: mean, deviation, and a 95 % interval over seeds and test clips.

      kineme repeat mamp-nucla --store nucla.store --seeds 5
      kineme repeat skeletonclr-compact --store my.store --split own --protocols linear fusion-linear finetune

    The seed is that of pretraining, probe and fine-tuning. `kineme repeat RECIPE --help` lists every setting of a
    recipe. Nothing is done twice: after a stop of whatever kind, the same command goes on.

    Args:
        recipe: name of a recipe.
        options: what is said beside its settings.
    """
    # `specialise` puts the recipe's own command in place of this one wherever the recipe comes first.
    raise ConfigError(
        f"the recipe comes before its settings: kineme repeat {recipe} --store {options.store or 'STORE'}"
    )


def specialise(args: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the named recipe as its defaults, and the arguments that remain."""
    return recipe_first(args, repeat, _command)


def _command(defaults: "RunConfig") -> Callable[..., int]:
    from kineme.recipes.base import RunConfig

    def repeat_recipe(
        *,
        options: OwnOptions = DEFAULTS,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Train and measure a recipe with several seeds: mean, deviation, and a 95 % interval over seeds and clips.

        Args:
            options: what is said beside the settings.
            config: settings of the recipe.
        """
        if options.dry_run:
            console.print_json(config.model_dump_json())
            return 0
        if options.store is None:
            raise ConfigError(f"no store to learn from; give it: kineme repeat {config.recipe} --store STORE")
        require_numbers(seeds=(options.seeds, 1))
        table, out = (
            _table(config, options.store, options.protocols),
            options.out or Path(f"runs/{config.recipe}-seeds"),
        )
        seeds = range(config.train.seed, config.train.seed + options.seeds)
        status = run_table(table, seeds, out, options.accelerator, options.workers, options.threads)
        command = f"kineme repeat {config.recipe} --store {options.store} --seeds {options.seeds}"
        show_table(table, seeds, out, command)
        return status

    return repeat_recipe


def _table(config: "RunConfig", store: Path, protocols: tuple[str, ...]) -> "Table":
    """A table of one row."""
    from kineme.methods import ClassifierConfig
    from kineme.reproduce.experiments import Experiment
    from kineme.reproduce.tables import Row, Table
    from kineme.store import SkeletonStore

    if config.split is None:
        raise ConfigError(f"recipe {config.recipe} names no split to evaluate on; choose one: --split NAME")
    SkeletonStore.open(store)
    usual = ("classify",) if isinstance(config.method, ClassifierConfig) else ("linear", "knn")
    experiment = Experiment(config.recipe, config, store)
    row = Row(config.recipe, config.split, config.split, (experiment,), protocols or usual, config.published)
    return Table(config.recipe, f"{config.recipe}, several seeds", (row,))
