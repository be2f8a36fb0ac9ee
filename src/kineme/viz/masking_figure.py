"""The picture of what a masked method does to clips: its scores over time, and moments as stick figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.viz.masking import MaskedView, TokenMap
from kineme.viz.masking_rows import (
    EDGE,
    HIDDEN,
    SCORES,
    VISIBLE,
    Paper,
    Row,
    draw_row,
    frames_of,
    rows,
    score_range,
    scoreboard,
)
from kineme.viz.skeleton import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

MOMENTS = 9
# Inches. Everything of a view has the same left and right edge, so that poses stand under their frames.
_WIDTH, _LEFT, _RIGHT = 10.0, 0.85, 0.1
_TITLE, _CAPTION, _JOINT, _ROW, _TICKS, _END = 0.5, 0.3, 0.085, 1.25, 0.2, 0.2


def masking_figure(views: Sequence[MaskedView], file: str | Path, *, turn: float = 0.0, dpi: int = 110) -> Path:
    """Draw every view: numbers of all tokens over time, and below them moments from left to right.

    Args:
        views: what `masked_views` returned, at least one.
        file: where to write; the suffix says which format (png, pdf, svg).
        turn: degrees by which the viewer goes round the bodies.
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    papers = [Paper(view, turn) for view in views]
    figure = Figure(figsize=(_WIDTH, sum(map(_height, papers))))
    column = _Column(figure)
    for paper in papers:
        _draw_view(column, paper)
    figure.savefig(file, dpi=dpi)
    return Path(file)


class _Column:
    """Axes one below the other, from the top of a figure."""

    def __init__(self, figure: "Figure") -> None:
        self.figure, self.used = figure, 0.0

    def skip(self, inches: float) -> None:
        self.used += inches

    def axes(self, height: float) -> "Axes":
        """Next axes; heights in inches."""
        self.used += height
        total = self.figure.get_figheight()
        width = _WIDTH - _LEFT - _RIGHT
        return self.figure.add_axes((_LEFT / _WIDTH, 1 - self.used / total, width / _WIDTH, height / total))

    def title(self, text: str) -> None:
        self.figure.text(_LEFT / _WIDTH, 1 - self.used / self.figure.get_figheight(), text, fontsize=10, va="bottom")


def _height(paper: Paper) -> float:
    """Inches that a view takes."""
    num_maps = max(len(paper.view.masking.maps), 1)
    map_height = _JOINT * paper.view.with_tokens.sum()
    return _TITLE + num_maps * (_CAPTION + map_height + _TICKS) + len(rows(paper)) * (_CAPTION + _ROW) + _END


def _draw_view(column: _Column, paper: Paper) -> None:
    view = paper.view
    column.skip(_TITLE)
    column.title("\n".join(filter(None, (view.clip, scoreboard(view)))))
    for each in view.masking.maps or (None,):
        column.skip(_CAPTION)
        draw_map(column.axes(_JOINT * view.with_tokens.sum()), view, each)
        column.skip(_TICKS)
    for row in rows(paper):
        column.skip(_CAPTION)
        axes = column.axes(_ROW)
        axes.set_title(row.title, fontsize=8, loc="left")
        _draw_moments(axes, paper, row)
    column.skip(_END)


def _draw_moments(axes: "Axes", paper: Paper, row: Row) -> None:
    """Poses under their frames."""
    frames, T = frames_of(paper.view, MOMENTS), len(paper.points)
    (_, bottom), (_, top) = paper.low, paper.high
    width = (_WIDTH - _LEFT - _RIGHT) / _ROW * (top - bottom)
    draw_row(axes, paper, row, frames, (frames + 0.5) / T * width, (0, width))


def draw_map(axes: "Axes", view: MaskedView, scores: TokenMap | None) -> None:
    """Joints by time: scores and the tokens that they single out, or only what is visible.

    Args:
        axes: where.
        view: whose tokens.
        scores: of its masking; None where chance alone decides.
    """
    with_tokens = view.with_tokens
    names = [view.layout.joints[joint] for joint in np.flatnonzero(with_tokens)]
    extent = (0, len(view.poses), len(names) - 0.5, -0.5)
    if scores is None:
        _paint(axes, view.masking.visible[:, with_tokens], extent, _two_colours(), (0, 1))
        title = "Chance decides which tokens stay visible (green)."
    else:
        _paint(axes, scores.value[:, with_tokens], extent, SCORES, score_range(scores))
        slot, joint = np.nonzero(scores.marked[:, with_tokens])
        axes.scatter((slot + 0.5) * view.segment, joint, s=10, c=VISIBLE, edgecolors="white", linewidths=0.3)
        title = f"{scores.name}; green dots: {scores.meaning}"
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_yticks(range(len(names)), names, fontsize=4.7)
    axes.tick_params(length=1.5, color=EDGE)
    axes.tick_params(axis="x", labelsize=7)
    axes.text(-0.005, -0.02, "frame", fontsize=7, ha="right", va="top", transform=axes.transAxes)


def _paint(
    axes: "Axes",
    value: np.ndarray,
    extent: tuple[float, float, float, float],
    colours: "str | Colormap",
    ends: tuple[float, float],
) -> None:
    """Values (S, V) as colours, one row per joint."""
    low, high = ends
    drawn = axes.imshow(value.T, cmap=colours, vmin=low, vmax=high, extent=extent, aspect="auto")
    drawn.set_interpolation("nearest")


def _two_colours() -> "Colormap":
    from matplotlib.colors import ListedColormap

    return ListedColormap([HIDDEN, VISIBLE])
