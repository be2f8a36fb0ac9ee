"""How trainings went: what was logged, over epochs. Needs the extra ``viz``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.evaluate.report import RunReport
from kineme.viz.chart import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE, FAINT = "#2166ac", "#dddddd"
TITLES = {"loss": "Training loss", "lr": "Learning rate"}
"""Figures of metrics.jsonl that are drawn."""


def training_figure(reports: Sequence[RunReport], what: str, file: str | Path, *, dpi: int = 110) -> Path:
    """Draw one curve per run into one figure.

    Args:
        reports: what `kineme.evaluate.report.collect` returned.
        what: a key of `TITLES`.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    with new_figure(file, 8, 3.2, dpi=dpi) as figure:
        draw_training(figure.add_subplot(), reports, what)
    return Path(file)


def draw_training(axes: "Axes", reports: Sequence[RunReport], what: str = "loss") -> None:
    """Draw one curve per run; several are told apart by a legend.

    Args:
        axes: where.
        reports: of the runs.
        what: a key of `TITLES`.
    """
    from matplotlib.ticker import MaxNLocator

    axes.set_title(TITLES[what], loc="left")
    for report in reports:
        lines = report.run.metrics()
        colour = LINE if len(reports) == 1 else None
        axes.plot([line["epoch"] for line in lines], [line[what] for line in lines], color=colour, label=report.name)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(reports) > 1:
        axes.legend(frameon=False, fontsize=8)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    plain(axes)
