"""What charts of results have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from kineme.viz.skeleton import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#222222"
"""Colour of text."""
COLUMNS = 3
"""Panels side by side, at most."""


@contextmanager
def new_figure(file: str | Path, width: float, height: float, *, dpi: int = 110) -> Iterator["Figure"]:
    """An empty figure of some inches, which is written once it has been drawn.

    Args:
        file: where to write; the suffix says which format (png, pdf, svg).
        width, height: inches.
        dpi: dots per inch of a png.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    figure.savefig(file, dpi=dpi)


def grid(count: int) -> tuple[int, int]:
    """Rows and columns of so many panels."""
    return ceil(count / COLUMNS), min(count, COLUMNS)


def panels(figure: "Figure", count: int, *, sharey: bool = False) -> "list[Axes]":
    """So many axes, row by row."""
    rows, columns = grid(count)
    cells = figure.subplots(rows, columns, sharey=sharey, squeeze=False).ravel().tolist()
    for axes in cells[count:]:
        axes.remove()
    return cells[:count]


def plain(axes: "Axes") -> None:
    """Leave out the lines above and to the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
