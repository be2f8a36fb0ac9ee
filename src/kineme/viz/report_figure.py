"""The figure of a report: accuracies beside their controls, how training went, what is confused, how features lie.

Needs the extra ``viz``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.evaluate.report import RunReport
from kineme.evaluate.result import Result, Score
from kineme.viz.chart import INK, plain
from kineme.viz.confusion_figure import draw_confusion
from kineme.viz.embedding_figure import draw_embedding
from kineme.viz.skeleton import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRETRAINED, UNTRAINED, COORDINATES = "#2166ac", "#9ecae1", "#bdbdbd"
FAINT = "#dddddd"
CLIPS_DRAWN = 800
CLASSES_NAMED = 20


def report_figure(reports: Sequence[RunReport], file: str | Path) -> Path:
    """Draw runs into one figure.

    Accuracies and training losses of all runs are shown; confusion and features are those of the first.

    Args:
        reports: what `kineme.evaluate.report.collect` returned.
        file: where to write; the suffix says which format (png, pdf, svg).

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    num_bars = sum(len(report.results) for report in reports)
    figure = Figure(figsize=(13, 9 + 0.3 * max(num_bars - 6, 0)), layout="constrained")
    (accuracies, training), (confusion, features) = figure.subplots(2, 2)
    _draw_accuracies(accuracies, reports)
    _draw_training(training, reports)
    result, bank = _headline(reports[0]), reports[0].test_bank
    named = len(result.classes) <= CLASSES_NAMED
    draw_confusion(confusion, result, named=named)
    draw_embedding(features, bank, clips=CLIPS_DRAWN, legend_columns=int(named))
    for axes in (confusion, features) if len(reports) > 1 else ():
        axes.set_title(f"{reports[0].name}: {axes.get_title(loc='left')}", loc="left")
    figure.suptitle(_title(reports), color=INK)
    figure.savefig(file, dpi=150)
    return Path(file)


def _title(reports: Sequence[RunReport]) -> str:
    results = [result for report in reports for result in report.results]
    sides = (f"{r.split}, {r.counts.train} training and {r.counts.test} test clips" for r in results)
    return f"{', '.join(report.name for report in reports)}: on {'; '.join(dict.fromkeys(sides))}"


def _headline(report: RunReport) -> Result:
    """Result whose confusion is shown: the linear probe's, or else the first."""
    return next((result for result in report.results if result.name == "linear"), report.results[0])


def _draw_accuracies(axes: "Axes", reports: Sequence[RunReport]) -> None:
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
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4, frameon=False)
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


def _draw_training(axes: "Axes", reports: Sequence[RunReport]) -> None:
    axes.set_title("Training loss", loc="left")
    from matplotlib.ticker import MaxNLocator

    for report in reports:
        lines = report.run.metrics()
        colour = PRETRAINED if len(reports) == 1 else None
        axes.plot([line["epoch"] for line in lines], [line["loss"] for line in lines], color=colour, label=report.name)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(reports) > 1:
        axes.legend(frameon=False)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    plain(axes)
