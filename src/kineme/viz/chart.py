"""What charts of results have in common."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
"""Colour of text."""


def plain(axes: "Axes") -> None:
    """Leave out the lines above and to the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
