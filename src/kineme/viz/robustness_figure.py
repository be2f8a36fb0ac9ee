"""How accuracy falls under each corruption. Needs the extra ``viz``."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.evaluate.robustness import Curve, Robustness
from kineme.viz.chart import INK, grid, new_figure, panels, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = "#2166ac"
_WIDTH, _HEIGHT = 3.2, 2.2  # inches of a panel


def robustness_figure(result: Robustness, file: str | Path, *, dpi: int = 110) -> Path:
    """Draw a panel for each corruption: accuracy against severity, with 95 % intervals; severity 0 is clean.

    Args:
        result: what `kineme.evaluate.robustness.evaluate_robustness` returned.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    rows, columns = grid(len(result.curves))
    with new_figure(file, max(_WIDTH * columns, 2 * _WIDTH), _HEIGHT * rows + 0.8, dpi=dpi) as figure:
        cells = panels(figure, len(result.curves), sharey=True)
        for axes, curve in zip(cells, result.curves, strict=True):
            draw_curve(axes, result, curve)
        for axes in cells[::columns]:
            axes.set_ylabel("accuracy, %")
        figure.suptitle(_title(result), color=INK, fontsize=10)
    return Path(file)


def draw_curve(axes: "Axes", result: Robustness, curve: Curve) -> None:
    """Draw accuracy under one corruption into axes, beside the clean accuracy and chance."""
    severities = [0, *curve.severities]
    scores = [result.clean, *curve.scores]
    value, low, high = (
        100 * np.array([getattr(score, end) for score in scores]) for end in ("accuracy", "low", "high")
    )
    axes.fill_between(severities, low, high, color=LINE, alpha=0.15, linewidth=0)
    axes.plot(severities, value, color=LINE, marker="o", markersize=3)
    axes.axhline(value[0], color=INK, linestyle="--", linewidth=0.8)
    axes.axhline(100 * result.chance, color=INK, linestyle=":", linewidth=0.8)
    axes.set_title(f"{curve.corruption.replace('_', ' ')}: {100 * curve.mean:.1f}", loc="left", fontsize=9, color=INK)
    labels = ["clean", *(f"{level:.2g}" for level in curve.levels)]
    axes.set_xticks(severities, labels, fontsize=7)
    axes.set_xlabel(curve.unit, fontsize=8)
    axes.set_ylim(0, 100)
    plain(axes)


def _title(result: Robustness) -> str:
    left = "" if result.relative is None else f", {100 * result.relative:.1f} % of clean"
    return (
        f"{Path(result.run).name}, {result.name} on {result.split}: clean {100 * result.clean.accuracy:.1f} %, "
        f"under corruption {100 * result.mean:.1f} %{left}\n(dashed: clean; dotted: chance)"
    )
