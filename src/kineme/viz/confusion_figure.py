"""What clips of each class were taken for. Needs the extra ``viz``."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.evaluate.result import Result
from kineme.viz.chart import INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL, _NAMES = 0.27, 2.0  # inches of a cell, and of names beside and below
_LETTERS = 22  # of a name


def confusion_figure(result: Result, file: str | Path, *, dpi: int = 110) -> Path:
    """Draw the confusion matrix of a result, large enough to name all classes.

    Args:
        result: of any protocol.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    side = _CELL * max(len(result.classes), 12) + _NAMES
    with new_figure(file, side, side, dpi=dpi) as figure:
        axes = figure.add_subplot()
        draw_confusion(axes, result, named=True)
        axes.set_aspect("equal")
        axes.set_title(
            f"{Path(result.run).name} on {result.split}\n{axes.get_title(loc='left')}", loc="left", color=INK
        )
    return Path(file)


def draw_confusion(axes: "Axes", result: Result, *, named: bool) -> None:
    """Draw the shares, in percent, of what clips of each class (rows) were taken for (columns).

    Args:
        axes: where.
        result: whose last score is meant.
        named: write class names, and the shares into the cells.
    """
    axes.set_title(f"Confusion of {result.name}, {100 * result.metrics.last.accuracy:.1f} % right", loc="left")
    counts = np.array(result.metrics.confusion, float)
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(100 * share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if not named:
        return
    names = [name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…" for name in result.classes]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for row, column in zip(*np.nonzero(share >= 0.005), strict=True):
        colour = "white" if share[row, column] > 0.5 else INK
        text = f"{100 * share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
