"""The figure of a report: accuracies beside their controls, how training went, what is confused, how features lie.

Needs the extra ``viz``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.evaluate.report import RunReport
from kineme.evaluate.result import Result, Score
from kineme.viz.skeleton import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRETRAINED, UNTRAINED, COORDINATES = "#2166ac", "#9ecae1", "#bdbdbd"
INK, FAINT = "#222222", "#dddddd"
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
    _draw_confusion(confusion, _headline(reports[0]))
    _draw_features(features, reports[0])
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
    _plain(axes)


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
    _plain(axes)


def _draw_confusion(axes: "Axes", result: Result) -> None:
    axes.set_title(f"Confusion of {result.name}, {100 * result.metrics.last.accuracy:.1f} % right", loc="left")
    counts = np.array(result.metrics.confusion, float)
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(100 * share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(result.classes) > CLASSES_NAMED:
        return
    names = [name if len(name) <= 22 else name[:21] + "…" for name in result.classes]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for row, column in zip(*np.nonzero(share >= 0.005), strict=True):
        colour = "white" if share[row, column] > 0.5 else INK
        text = f"{100 * share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def _draw_features(axes: "Axes", report: RunReport) -> None:
    bank = report.test_bank
    axes.set_xticks([])
    axes.set_yticks([])
    if bank is None or len(bank) < 3:
        axes.set_title("No features of test clips to draw", loc="left")
        return
    step = -(-len(bank) // CLIPS_DRAWN)
    labels = bank.labels[::step].numpy()
    places, how = _plane(bank.features[::step].double().numpy())
    axes.set_title(f"Features of {len(labels)} test clips ({how})", loc="left")
    colours = _class_colours(len(bank.classes))
    for k in np.unique(labels):
        axes.scatter(*places[labels == k].T, s=14, color=colours[k], linewidths=0, alpha=0.85, label=bank.classes[k])
    if len(bank.classes) <= CLASSES_NAMED:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False, handletextpad=0.1)
    _plain(axes)


def _plane(features: np.ndarray) -> tuple[np.ndarray, str]:
    """(n, 2) places of (n, D) features, and how they were found."""
    from sklearn.manifold import TSNE

    centred = features - features.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    components = left * size
    if len(features) < 30 or components.shape[1] < 3:
        return np.pad(components, ((0, 0), (0, 2)))[:, :2], "principal components"
    start = 1e-4 * components[:, :2] / max(components[:, 0].std(), 1e-12)
    perplexity = min(30.0, len(features) / 4)
    return TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(components[:, :50]), "t-SNE"


def _class_colours(num_classes: int) -> Sequence[tuple[float, ...]]:
    from matplotlib import colormaps

    if num_classes <= 10:
        return colormaps["tab10"](range(10)).tolist()
    if num_classes <= 20:
        return colormaps["tab20"](range(20)).tolist()
    return colormaps["gist_ncar"](np.linspace(0.03, 0.95, num_classes)).tolist()


def _plain(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
