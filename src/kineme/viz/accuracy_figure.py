"""Accuracies of runs beside their controls. Needs the extra ``viz``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.evaluate.report import RunReport
from kineme.evaluate.result import Score
from kineme.viz.chart import INK, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRETRAINED, UNTRAINED, COORDINATES = "#2166ac", "#9ecae1", "#bdbdbd"


def accuracy_figure(reports: Sequence[RunReport], file: str | Path, *, dpi: int = 110) -> Path:
    """Draw three bars for every result: ``last``, the untrained twin and coordinates.

    Args:
        reports: what `kineme.evaluate.report.collect` returned.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    num_results = sum(len(report.results) for report in reports)
    with new_figure(file, 8, 1.4 + 0.6 * num_results, dpi=dpi) as figure:
        draw_accuracies(figure.add_subplot(), reports)
    return Path(file)


def draw_accuracies(axes: "Axes", reports: Sequence[RunReport]) -> None:
    """Draw the bars of all results of all runs, one result below the other."""
    axes.set_title("Accuracy on test clips, with 95 % intervals", loc="left")
    several = len(reports) > 1
    entries = [(report.name, result) for report in reports for result in report.results]
    for place, (_, result) in enumerate(entries):
        bars = [
            (result.metrics.last, "pretrained", PRETRAINED),
            (result.untrained.last if result.untrained else None, "untrained twin", UNTRAINED),
            (result.coordinate_1nn, "coordinate 1-NN", COORDINATES),
        ]
        for i, (score, name, colour) in enumerate(bars):
            _draw_bar(axes, place + 0.26 * (i - 1), score, colour, name if place == 0 else None)
    axes.axvline(100 * entries[0][1].chance, color=INK, linestyle=":", linewidth=1, label="chance")
    splits = {result.split for _, result in entries}
    what = [result.name if len(splits) == 1 else f"{result.name}, {result.split}" for _, result in entries]
    names = [f"{name}\n{run}" if several else name for name, (run, _) in zip(what, entries, strict=True)]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("accuracy, %")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=3.5, ncols=4, frameon=False)
    plain(axes)


def _draw_bar(axes: "Axes", place: float, score: Score | None, colour: str, label: str | None) -> None:
    if score is None:
        return
    value, low, high = 100 * score.accuracy, 100 * score.low, 100 * score.high
    # Rounding can put an end of the interval on the wrong side of 0 % and 100 %.
    ends = [[max(value - low, 0)], [max(high - value, 0)]]
    axes.barh(place, value, height=0.24, color=colour, label=label)
    axes.errorbar(value, place, xerr=ends, color=INK, linewidth=1, capsize=2)
    axes.text(max(high, value) + 1, place, f"{value:.1f}", va="center", fontsize=8, color=INK)
