"""Attention on bodies, drawn: joints as circles that are larger the more attention they receive (spec-danet §7)."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.nn.relevance import radii
from kineme.viz.drawing_file import drawn
from kineme.viz.masking_animation import FPS, Strip, animated
from kineme.viz.masking_figure import Column, stack_height, stacked
from kineme.viz.masking_rows import EDGE, Page, Row, draw_bones, original_row
from kineme.viz.relevance import RelevanceView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RELEVANT, OTHER = "#8fd694", "#a9cdee"
"""Light green and light blue: joints from half of the largest relevance on, and all others. DANet's pictures have the
green; the blue and where it ends are our reading."""
HALF = 0.5
MOMENTS, HEIGHT = 6, 2.0
"""Poses in a row and their inches: larger than elsewhere, so that circles leave bones visible."""
_MARGIN = 0.08  # room for circles around the outermost joints


def draw_relevance(views: Sequence[RelevanceView], file: str | Path, *, turn: float = 0.0) -> Path:
    """Draw relevance into a picture or an animation, as the suffix of the file says.

    Args:
        views: what `relevance_views` returned.
        file: where to write: .png, .pdf or .svg for a picture, .gif for an animation.
        turn: degrees by which the viewer goes round the bodies.

    Returns:
        The file.

    Raises:
        ConfigError: another suffix, nothing to draw, or matplotlib is not installed.
    """
    return drawn(views, file, relevance_figure, relevance_animation, turn=turn)


def relevance_figure(views: Sequence[RelevanceView], file: str | Path, *, turn: float = 0.0, dpi: int = 110) -> Path:
    """Draw every view as moments from left to right.

    Args:
        views: what `relevance_views` returned, at least one.
        file: where to write; the suffix says which format (png, pdf, svg).
        turn: degrees by which the viewer goes round the bodies.
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    return stacked([Page(view, turn, _MARGIN) for view in views], _height, _draw_view, file, dpi)


def relevance_animation(
    views: Sequence[RelevanceView], file: str | Path, *, turn: float = 0.0, fps: int = FPS, dpi: int = 110
) -> Path:
    """Draw every view as two moving bodies side by side: by its relevance, and as it is.

    Args:
        views: what `relevance_views` returned, at least one.
        file: where to write, a .gif.
        turn: degrees by which the viewer goes round the bodies.
        fps: frames of the window per second.
        dpi: dots per inch.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    pages = [Page(view, turn, _MARGIN) for view in views]
    strips = [Strip(page, [relevance_row(page), original_row(page)], _remark(page.view)) for page in pages]
    return animated(strips, file, fps=fps, dpi=dpi)


def relevance_row(page: Page[RelevanceView]) -> Row:
    """The body with a circle for every joint."""
    title = f"attention received in {page.view.method}; green: at least half of the most"
    return Row(title, partial(_draw_circles, page))


def _height(page: Page[RelevanceView]) -> float:
    return stack_height(0, 0, 1, HEIGHT)


def _draw_view(column: Column, page: Page[RelevanceView]) -> None:
    column.title("\n".join(filter(None, (page.view.clip, _remark(page.view)))))
    column.moments(page, relevance_row(page), count=MOMENTS, height=HEIGHT)
    column.end()


def _remark(view: RelevanceView) -> str:
    return "; ".join(filter(None, (f"camera {view.camera}" if view.camera >= 0 else "", view.remark)))


def _draw_circles(page: Page[RelevanceView], axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    """Small circles lie on large ones, so that none is lost."""
    points = draw_bones(page, axes, frames, at).reshape(-1, 2)
    relevance = page.view.at(frames, page.view.relevance).ravel()
    order = np.argsort(-relevance, kind="stable")
    points, relevance = points[order], relevance[order]
    dot = 72 / axes.figure.dpi  # points per pixel
    sizes = (2 * dot * radii(relevance)) ** 2  # matplotlib's: squares of diameters in points
    colours = np.where(relevance >= HALF, RELEVANT, OTHER)
    axes.scatter(*points.T, s=sizes, c=colours.tolist(), edgecolors=EDGE, linewidths=0.4, zorder=3)
