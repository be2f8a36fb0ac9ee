"""The picture of what a masked method does to clips: its scores over time, and moments as stick figures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kineme.viz.body_views import BodyView
from kineme.viz.masking import MaskedView, TokenMap
from kineme.viz.masking_rows import (
    EDGE,
    HIDDEN,
    SCORES,
    VISIBLE,
    Page,
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
ROW = 1.25
"""Inches that poses take."""
# Inches too. Everything of a view has the same left and right edge, so that poses stand under their frames.
_WIDTH, _LEFT, _RIGHT = 10.0, 0.85, 0.1
_TITLE, _CAPTION, _JOINT, _TICKS, _END = 0.5, 0.3, 0.085, 0.2, 0.2

P = TypeVar("P", bound=Page)


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
    return stacked([Paper(view, turn) for view in views], _height, _draw_view, file, dpi)


def stacked(
    pages: Sequence[P], height: Callable[[P], float], draw: "Callable[[Column, P], None]", file: str | Path, dpi: int
) -> Path:
    """Draw pages one below the other into a picture.

    Args:
        pages: of views, at least one.
        height: inches that a page takes.
        draw: puts a page into the column.
        file: where to write; the suffix says which format (png, pdf, svg).
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, sum(map(height, pages))), dpi=dpi)
    column = Column(figure)
    for page in pages:
        draw(column, page)
    figure.savefig(file)
    return Path(file)


def stack_height(joints: int, num_maps: int, num_rows: int, row: float = ROW) -> float:
    """Inches that a title, maps of so many joints and rows of poses, each of so many inches, take."""
    return _TITLE + num_maps * (_CAPTION + _JOINT * joints + _TICKS) + num_rows * (_CAPTION + row) + _END


class Column:
    """Parts of views one below the other, from the top of a figure."""

    def __init__(self, figure: "Figure") -> None:
        self.figure, self.used = figure, 0.0

    def axes(self, height: float) -> "Axes":
        """Next axes; heights in inches."""
        self.used += height
        total = self.figure.get_figheight()
        width = _WIDTH - _LEFT - _RIGHT
        return self.figure.add_axes((_LEFT / _WIDTH, 1 - self.used / total, width / _WIDTH, height / total))

    def title(self, text: str) -> None:
        """Text of two lines at most."""
        self.used += _TITLE
        self.figure.text(_LEFT / _WIDTH, 1 - self.used / self.figure.get_figheight(), text, fontsize=10, va="bottom")

    def map_axes(self, joints: int) -> "Axes":
        """Axes for a map of so many joints, between the places of its caption and its ticks."""
        self.used += _CAPTION
        axes = self.axes(_JOINT * joints)
        self.used += _TICKS
        return axes

    def moments(self, page: Page, row: Row, *, count: int = MOMENTS, height: float = ROW) -> None:
        """So many poses of a row under their frames, so many inches high, below its title."""
        self.used += _CAPTION
        axes = self.axes(height)
        axes.set_title(row.title, fontsize=8, loc="left")
        frames, T = frames_of(page.view, count), len(page.points)
        (_, bottom), (_, top) = page.low, page.high
        width = (_WIDTH - _LEFT - _RIGHT) / height * (top - bottom)
        draw_row(axes, page, row, frames, (frames + 0.5) / T * width, (0, width))

    def end(self) -> None:
        """Space between two views."""
        self.used += _END


def _height(paper: Paper) -> float:
    view = paper.view
    return stack_height(view.with_tokens.sum(), max(len(view.masking.maps), 1), len(rows(paper)))


def _draw_view(column: Column, paper: Paper) -> None:
    view = paper.view
    column.title("\n".join(filter(None, (view.clip, scoreboard(view)))))
    for each in view.masking.maps or (None,):
        draw_map(column.map_axes(view.with_tokens.sum()), view, each)
    for row in rows(paper):
        column.moments(paper, row)
    column.end()


def draw_map(axes: "Axes", view: MaskedView, scores: TokenMap | None) -> None:
    """Joints by time: scores and the tokens that they single out, or only what is visible.

    Args:
        axes: where.
        view: whose tokens.
        scores: of its masking; None where chance alone decides.
    """
    with_tokens = view.with_tokens
    joints = np.flatnonzero(with_tokens)
    if scores is None:
        paint_cells(axes, view, view.masking.visible[:, with_tokens], joints, (0, 1), _two_colours())
        title = "Chance decides which tokens stay visible (green)."
    else:
        paint_cells(axes, view, scores.value[:, with_tokens], joints, score_range(scores))
        slot, joint = np.nonzero(scores.marked[:, with_tokens])
        axes.scatter((slot + 0.5) * view.segment, joint, s=10, c=VISIBLE, edgecolors="white", linewidths=0.3)
        title = f"{scores.name}; green dots: {scores.meaning}"
    axes.set_title(title, fontsize=8, loc="left")


def paint_cells(
    axes: "Axes",
    view: BodyView,
    value: np.ndarray,
    joints: np.ndarray,
    ends: tuple[float, float],
    colours: "str | Colormap" = SCORES,
) -> None:
    """Numbers as colours, one line per joint, over the frames of a view.

    Args:
        axes: where.
        view: whose cells.
        value: (S, V') one number for every slot and some of the joints.
        joints: (V',) which.
        ends: numbers of the first and the last colour.
        colours: from one to the other.
    """
    (low, high), extent = ends, (0, len(view.poses), len(joints) - 0.5, -0.5)
    drawn = axes.imshow(value.T, cmap=colours, vmin=low, vmax=high, extent=extent, aspect="auto")
    drawn.set_interpolation("nearest")
    axes.set_yticks(range(len(joints)), [view.layout.joints[joint] for joint in joints], fontsize=4.7)
    axes.tick_params(length=1.5, color=EDGE)
    axes.tick_params(axis="x", labelsize=7)
    axes.text(-0.005, -0.02, "frame", fontsize=7, ha="right", va="top", transform=axes.transAxes)


def _two_colours() -> "Colormap":
    from matplotlib.colors import ListedColormap

    return ListedColormap([HIDDEN, VISIBLE])
