"""``kineme folds``: a recipe trained and measured on every split of a family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from kineme.cli.console import EXIT_STOPPED, console, errors, require_device
from kineme.cli.pretrain import Accelerator, RecipeName, recipe_first, training_display
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.evaluate.folds import Folds, Matrix
    from kineme.recipes.base import RunConfig


@dataclass(frozen=True)
class Options:
    """What is said beside the settings of the recipe."""

    store: Path | None = None
    """folder of the labelled store"""
    family: str | None = None
    """which splits: nucla, uwa3d, uestc-xview1, uestc-xview2, sbu or florence3d"""
    out: Path | None = None
    """folder for the runs and folds.json; runs/RECIPE-FAMILY by default"""
    protocol: Literal["classify", "linear", "common", "logreg", "knn", "retrieval", "refined"] | None = None
    """how runs are measured; by default classify for supervised recipes, linear for all others"""
    controls: bool = True
    """measure the controls of the protocol too"""
    resume: bool = False
    """go on with the runs in --out"""
    dry_run: bool = False
    """print the resolved configuration and stop"""
    accelerator: Accelerator = "auto"
    """where to train"""
    device: str = "cpu"
    """where to evaluate: cpu, cuda or mps"""


OwnOptions = Annotated[Options, tyro.conf.arg(name="")]
DEFAULTS = Options()


def folds(recipe: RecipeName, /, *, options: OwnOptions = DEFAULTS) -> int:
    """Train and measure a recipe on every split of a family, and report all accuracies and their mean.

      kineme folds supervised-stgcn-compact --store uwa3d.store --family uwa3d
      kineme folds mamp-compact --store sbu.store --family sbu --protocol knn --train.epochs 100

    Splits that train on the same clips share one training: 6 are enough for the 12 of uwa3d. Where every split
    trains on some views and tests one other, accuracies are shown as a matrix.

    `kineme folds RECIPE --help` lists every setting of a recipe. --resume goes on after a stop.

    Args:
        recipe: name of a recipe.
        options: what is said beside its settings.
    """
    # `specialise` puts the recipe's own command in place of this one wherever the recipe comes first.
    store = options.store or "STORE"
    raise ConfigError(f"the recipe comes before its settings: kineme folds {recipe} --store {store} --family FAMILY")


def specialise(args: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the named recipe as its defaults, and the arguments that remain."""
    return recipe_first(args, folds, _command)


def _command(defaults: "RunConfig") -> Callable[..., int]:
    from kineme.recipes.base import RunConfig

    def run_folds(
        *,
        options: OwnOptions = DEFAULTS,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Train and measure a recipe on every split of a family, and report all accuracies and their mean.

        Args:
            options: what is said beside the settings.
            config: settings of the recipe.
        """
        if options.dry_run:
            console.print_json(config.model_dump_json())
            return 0
        if options.store is None or options.family is None:
            raise ConfigError(f"kineme folds {config.recipe} takes --store STORE and --family FAMILY")
        require_device(options.device)
        if options.accelerator != "auto":
            require_device(options.accelerator)
        out = options.out or Path("runs") / f"{config.recipe}-{options.family}"
        return _run(config, options.store, options.family, out, options)

    return run_folds


def _run(config: "RunConfig", store: Path, family: str, out: Path, options: Options) -> int:
    from kineme.evaluate.folds import evaluate_folds
    from kineme.store import SkeletonStore
    from kineme.train.loop import InterruptedRunError

    try:
        result = evaluate_folds(
            config,
            SkeletonStore.open(store),
            family,
            out,
            protocol=options.protocol,
            controls=options.controls,
            resume=options.resume,
            accelerator=options.accelerator,
            device=options.device,
            display=lambda title: training_display(title=title),
            on_result=lambda each: errors.print(f"{each.split}: {_percent(each.metrics.last.accuracy)} %"),
        )
    except InterruptedRunError as stopped:
        errors.print(str(stopped), soft_wrap=True)
        return EXIT_STOPPED
    print_folds(result)
    console.print(str(out / "folds.json"), soft_wrap=True)
    return 0


def print_folds(result: "Folds") -> None:
    """Every split with its controls, the matrix of views where there is one, and the mean."""
    from kineme.evaluate.folds import view_matrix

    table = Table("split", "training clips", "test clips", "accuracy %", "95 % interval", "coordinate 1-NN %")
    for each in result.results:
        last, nearest = each.metrics.last, each.coordinate_1nn
        control = "-" if nearest is None else _percent(nearest.accuracy)
        interval = f"{_percent(last.low)} to {_percent(last.high)}"
        counts = map(str, (each.counts.train, each.counts.test))
        table.add_row(each.split, *counts, _percent(last.accuracy), interval, control)
    console.print(table)
    matrix = view_matrix(result)
    if matrix is not None:
        console.print(_drawn(matrix))
    protocol = result.results[0].protocol
    console.print(f"{protocol}, mean of {len(result.results)} splits: {_percent(result.mean)} %")


def _drawn(matrix: "Matrix") -> Table:
    table = Table("trained on views", *(f"test {view}" for view in matrix.columns))
    for row in matrix.rows:
        cells = [matrix.cells.get((row, column)) for column in matrix.columns]
        table.add_row(row, *("" if cell is None else _percent(cell) for cell in cells))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
