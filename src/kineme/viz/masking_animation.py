"""The animation of what a masked method does to clips: one row per clip, scores, visible tokens, truth, prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from kineme.viz.masking import MaskedView
from kineme.viz.masking_rows import TRUE, Page, Paper, Row, draw_row, rows, scoreboard
from kineme.viz.skeleton import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FPS = 15
# Inches: a panel is so wide; a clip takes so much height, of which title and captions take some.
_SIDE, _HEIGHT, _TITLE, _CAPTION, _EDGE = 2.1, 2.9, 0.45, 0.4, 0.08
_LETTERS = 36  # of a line above a panel


def masking_animation(
    views: Sequence[MaskedView], file: str | Path, *, turn: float = 0.0, fps: int = FPS, dpi: int = 80
) -> Path:
    """Draw views as a moving picture.

    Args:
        views: what `masked_views` returned, at least one.
        file: where to write, a .gif.
        turn: degrees by which the viewer goes round the bodies.
        fps: frames of the window per second.
        dpi: dots per inch.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    papers = [Paper(view, turn) for view in views]
    strips = [Strip(paper, rows(paper), scoreboard(paper.view)) for paper in papers]
    return animated(strips, file, fps=fps, dpi=dpi)


@dataclass(frozen=True)
class Strip:
    """What moves side by side: the rows of one view.

    Args:
        page: of the view.
        panels: its rows.
        remark: second line of the title; may be empty.
    """

    page: Page
    panels: Sequence[Row]
    remark: str


def animated(strips: Sequence[Strip], file: str | Path, *, fps: int, dpi: int) -> Path:
    """Draw strips one below the other as a moving picture.

    Args:
        strips: of views with as many frames, at least one.
        file: where to write, a .gif.
        fps: frames of the window per second.
        dpi: dots per inch.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.animation import PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(strip.panels) for strip in strips)
    figure = Figure(figsize=(_SIDE * columns, _HEIGHT * len(strips)), dpi=dpi)
    FigureCanvasAgg(figure)
    grid = [_line(figure, strip, place) for place, strip in enumerate(strips)]
    writer = PillowWriter(fps=fps)
    with writer.saving(figure, str(file), dpi):
        for frame in range(len(strips[0].page.points)):
            for strip, cells in zip(strips, grid, strict=True):
                _draw_frame(cells, strip, frame)
            writer.grab_frame()
    return Path(file)


def _line(figure: "Figure", strip: Strip, place: int) -> "list[Axes]":
    """Axes of one clip below its title, each below its caption."""
    width, height = figure.get_size_inches()
    top = height - place * _HEIGHT
    title = "\n".join(filter(None, (strip.page.view.clip, strip.remark)))
    figure.text(_EDGE / width, (top - _EDGE) / height, title, fontsize=8, va="top")
    cells = []
    for column, row in enumerate(strip.panels):
        left = (column * _SIDE + _EDGE) / width
        figure.text(left, (top - _TITLE) / height, fill(row.title, _LETTERS), fontsize=7.5, va="top", color=TRUE)
        bottom = (top - _HEIGHT + 2 * _EDGE) / height
        size = ((_SIDE - 2 * _EDGE) / width, (_HEIGHT - _TITLE - _CAPTION - 2 * _EDGE) / height)
        cells.append(figure.add_axes((left, bottom, *size)))
        cells[-1].set_axis_off()
    return cells


def _draw_frame(cells: "Sequence[Axes]", strip: Strip, frame: int) -> None:
    page = strip.page
    half = 0.5 * max(page.high - page.low)
    for axes, row in zip(cells, strip.panels, strict=True):
        for drawn in list(axes.collections):  # quicker by far than axes.clear()
            drawn.remove()
        if page.view.present[frame]:
            draw_row(axes, page, row, np.array([frame]), np.zeros(1), (-half, half))
