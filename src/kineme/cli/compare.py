"""``kineme compare``: two runs on the same test clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from kineme.cli.console import console

if TYPE_CHECKING:
    from kineme.evaluate.compare import Comparison

First = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_A")]
Second = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_B")]


def compare(
    first: First, second: Second, /, *, protocol: str = "linear", split: str | None = None, seed: int = 0
) -> None:
    """Compare the results of two evaluated runs, clip by clip: their difference in accuracy with its 95 % interval, and
    McNemar's exact test.

      kineme compare runs/mamp runs/mae --protocol linear

    Args:
        first: folder of an evaluated run, or of a fine-tuning.
        second: folder of another.
        protocol: whose results, such as linear, knn, finetune.
        split: whose test clips, where they are not of the runs' own split.
        seed: of the bootstrap.
    """
    from kineme.cli.run_method import require_numbers
    from kineme.evaluate.compare import compare as compare_predictions
    from kineme.evaluate.predictions import ClipPredictions, find_predictions

    require_numbers(seed=(seed, 0))
    predictions = [ClipPredictions.load(find_predictions(run, protocol, split)) for run in (first, second)]
    comparison = compare_predictions(*predictions, seed=seed)
    console.print(f"{protocol} on {predictions[0].split}: {comparison.clips} test clips", soft_wrap=True)
    console.print(_table(comparison, str(first), str(second)))
    console.print(_verdict(comparison), soft_wrap=True)


def _table(comparison: "Comparison", first: str, second: str) -> Table:
    table = Table("run", "accuracy %", "right alone")
    alone = (comparison.only_first, comparison.only_second)
    accuracies = (comparison.first, comparison.second)
    for name, accuracy, clips in zip((first, second), accuracies, alone, strict=True):
        table.add_row(name, f"{100 * accuracy:.1f}", "-" if clips is None else str(clips))
    return table


def _verdict(comparison: "Comparison") -> str:
    low, high = 100 * comparison.low, 100 * comparison.high
    text = f"difference {100 * comparison.difference:+.1f} %, 95 % interval {low:+.1f} to {high:+.1f}"
    if comparison.p_value is None:
        return f"{text}; no test, trainings were repeated"
    return f"{text}; McNemar's exact test p = {comparison.p_value:.2g}"
