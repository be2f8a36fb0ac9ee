"""Regions of clips, drawn: joints by time, and bodies whose joints show how much they are in the region."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.viz.drawing_file import drawn
from kineme.viz.masking_animation import FPS, Strip, animated
from kineme.viz.masking_figure import Column, paint_cells, stack_height, stacked
from kineme.viz.masking_rows import EDGE, Page, Row, original_row
from kineme.viz.regions import RegionView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

INSIDE, OUTSIDE = "#d9480f", "#d3dbe2"
"""Colours of a region and of the rest of the body."""


def draw_regions(views: Sequence[RegionView], file: str | Path, *, turn: float = 0.0) -> Path:
    """Draw regions into a picture or an animation, as the suffix of the file says.

    Args:
        views: what `region_views` returned.
        file: where to write: .png, .pdf or .svg for a picture, .gif for an animation.
        turn: degrees by which the viewer goes round the bodies.

    Returns:
        The file.

    Raises:
        ConfigError: another suffix, nothing to draw, or matplotlib is not installed.
    """
    return drawn(views, file, region_figure, region_animation, turn=turn)


def region_figure(views: Sequence[RegionView], file: str | Path, *, turn: float = 0.0, dpi: int = 110) -> Path:
    """Draw every view: weights over time, and below them moments from left to right.

    Args:
        views: what `region_views` returned, at least one.
        file: where to write; the suffix says which format (png, pdf, svg).
        turn: degrees by which the viewer goes round the bodies.
        dpi: dots per inch of a png.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    return stacked([Page(view, turn) for view in views], _height, _draw_view, file, dpi)


def region_animation(
    views: Sequence[RegionView], file: str | Path, *, turn: float = 0.0, fps: int = FPS, dpi: int = 80
) -> Path:
    """Draw every view as moving bodies side by side.

    Args:
        views: what `region_views` returned, at least one.
        file: where to write, a .gif.
        turn: degrees by which the viewer goes round the bodies.
        fps: frames of the window per second.
        dpi: dots per inch.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    pages = [Page(view, turn) for view in views]
    return animated([Strip(page, rows(page), page.view.remark) for page in pages], file, fps=fps, dpi=dpi)


def rows(page: Page[RegionView]) -> list[Row]:
    """The body by its weights, and as it is."""
    title = f"{page.view.region.name} (orange), the rest (grey)"
    return [Row(title, partial(_draw_weights, page)), original_row(page)]


def _height(page: Page[RegionView]) -> float:
    return stack_height(page.view.layout.num_joints, 1, len(rows(page)))


def _draw_view(column: Column, page: Page[RegionView]) -> None:
    view = page.view
    column.title("\n".join(filter(None, (view.clip, view.remark))))
    draw_map(column.map_axes(view.layout.num_joints), view)
    for row in rows(page):
        column.moments(page, row)
    column.end()


def draw_map(axes: "Axes", view: RegionView) -> None:
    """Joints by time: how much each cell is in the region."""
    weight, region = view.region.weight, view.region
    paint_cells(axes, view, weight, np.arange(view.layout.num_joints), (0, 1), _colours())
    title = f"{view.method}, {region.name}: {region.meaning}; from 0 (grey) to 1 (orange), mean {weight.mean():.2f}"
    axes.set_title(title, fontsize=8, loc="left")


def _draw_weights(page: Page[RegionView], axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    """Bones have the mean of their two joints."""
    from matplotlib.collections import LineCollection

    points, weight = page.points[frames] + at[:, None], page.view.weight_at(frames)
    bones, colours = np.array(page.view.layout.bones), _colours()
    lines = LineCollection(list(points[:, bones].reshape(-1, 2, 2)), cmap=colours, linewidths=1.6, zorder=1)
    lines.set_array(weight[:, bones].mean(axis=2).ravel())
    lines.set_clim(0, 1)
    axes.add_collection(lines)
    style = {"cmap": colours, "vmin": 0, "vmax": 1, "s": 18, "edgecolors": EDGE, "linewidths": 0.4, "zorder": 3}
    axes.scatter(*points.reshape(-1, 2).T, c=weight.ravel(), **style)


def _colours() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("region", [OUTSIDE, INSIDE])
