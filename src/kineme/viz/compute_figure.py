"""What accuracy costs: methods of a table by the operations of their training. Needs the extra ``viz``."""

from collections.abc import Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.errors import ConfigError
from kineme.reproduce.page import Line
from kineme.viz.chart import INK, grid, new_figure, panels, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FROZEN, TRAINED = "#2166ac", "#b2182b"
PROTOCOLS = {"common": FROZEN, "classify": TRAINED}
"""The probe that is the same for all, and classifiers by their own head, with their colours."""
_WIDTH, _HEIGHT = 4.4, 3.6  # inches of a panel


def compute_figure(lines: Sequence[Line], file: str | Path, *, dpi: int = 110) -> Path:
    """Draw a panel for each dataset: accuracy with its 95 % interval against floating-point operations of training.

    Args:
        lines: what `kineme.reproduce.page.lines` returned; those of other protocols, and of trainings whose operations
            were not counted, are left out.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed, or nothing is left to draw.
    """
    shown = [line for line in lines if line.protocol in PROTOCOLS and line.teraflops is not None]
    data = list(dict.fromkeys(line.row.data for line in shown))
    if not data:
        raise ConfigError(f"nothing to draw: no result of {' or '.join(PROTOCOLS)} whose training was counted")
    rows, columns = grid(len(data))
    with new_figure(file, _WIDTH * columns, _HEIGHT * rows, dpi=dpi) as figure:
        handles = {}
        for axes, name in zip(panels(figure, len(data)), data, strict=True):
            draw_costs(axes, name, [line for line in shown if line.row.data == name])
            own, labels = axes.get_legend_handles_labels()
            handles.update(zip(labels, own, strict=True))
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return Path(file)


def draw_costs(axes: "Axes", title: str, lines: Sequence[Line]) -> None:
    """Draw the methods on one dataset into axes, beside coordinates, which cost nothing."""
    for protocol, colour in PROTOCOLS.items():
        chosen = [line for line in lines if line.protocol == protocol]
        if chosen:
            _draw_points(axes, chosen, protocol, colour)
    for line in lines:
        method = line.row.name.removesuffix(f"-{line.row.data}").removeprefix("supervised-")
        place = (line.teraflops or 0.0, 100 * line.summary.accuracy)
        axes.annotate(method, place, (4, 3), textcoords="offset points", fontsize=6, color=INK)
    nearest = lines[0].summary.nearest
    if nearest is not None:
        axes.axhline(100 * nearest, color=INK, linestyle="--", linewidth=0.8, label="coordinate 1-NN")
    axes.set_xscale("log")
    axes.set_xlim(_decades(lines))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(labelsize=7)
    axes.set_xlabel("training, 10¹² floating-point operations", fontsize=8)
    axes.set_ylabel("accuracy, %", fontsize=8)
    axes.set_title(title, loc="left", fontsize=9, color=INK)
    plain(axes)


def _draw_points(axes: "Axes", lines: Sequence[Line], label: str, colour: str) -> None:
    where = [line.teraflops or 0.0 for line in lines]
    height = [100 * line.summary.accuracy for line in lines]
    below = [100 * (line.summary.accuracy - line.summary.low) for line in lines]
    above = [100 * (line.summary.high - line.summary.accuracy) for line in lines]
    style = {"fmt": "o", "markersize": 4, "elinewidth": 0.7}
    axes.errorbar(where, height, [below, above], color=colour, label=label, **style)


def _decades(lines: Sequence[Line]) -> tuple[float, float]:
    """Powers of ten around all operations."""
    logarithms = [log10(line.teraflops) for line in lines if line.teraflops]
    return 10 ** floor(min(logarithms)), 10 ** ceil(max(logarithms) + 0.2)
