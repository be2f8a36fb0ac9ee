"""Drawing skeletons: where points fall on paper, and the bones between them. Needs the extra ``viz``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kineme.errors import ConfigError
from kineme.layout import Layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, RIGHT, MIDDLE = "#c2543a", "#2166ac", "#555555"
"""Colours of the body's left side, right side and middle."""


def require_matplotlib() -> None:
    """Check that figures can be drawn.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("figures take matplotlib: pip install 'kineme[viz]'") from error


def front_view(xyz: np.ndarray, layout: Layout) -> np.ndarray:
    """Points as seen from the camera, right and up: (..., C) in the layout's frame to (..., 2)."""
    if layout.up == "+z":
        return xyz[..., [0, 2]]
    return xyz[..., :2] * np.array([1, -1 if layout.up == "-y" else 1], xyz.dtype)


def bone_colors(layout: Layout) -> list[str]:
    """Colour of every bone in `Layout.bones`, by the side of its outer joint."""
    return [joint_color(layout.joints[joint]) for joint, _ in layout.bones]


def joint_color(joint: str) -> str:
    """Colour of a joint by its side."""
    return LEFT if joint.startswith("left_") else RIGHT if joint.startswith("right_") else MIDDLE


def draw_bodies(
    axes: "Axes",
    points: np.ndarray,
    layout: Layout,
    *,
    found: np.ndarray | None = None,
    alpha: Sequence[float] | float = 1.0,
    width: float = 1.2,
) -> None:
    """Draw stick figures.

    Args:
        axes: where.
        points: (N, V, 2) joints of N bodies on paper.
        layout: says which joints are bones.
        found: (N, V) bool; bones to joints that were not found are left out.
        alpha: opacity, of all bodies or of each.
        width: of lines, in points.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    bones = np.array(layout.bones)
    there = np.ones(points.shape[:2], bool) if found is None else found
    body, bone = np.nonzero(there[:, bones].all(axis=2))
    opacity = np.broadcast_to(alpha, len(points))
    colors = bone_colors(layout)
    lines = LineCollection(
        list(points[body[:, None], bones[bone]]),
        colors=[to_rgba(colors[b], opacity[n]) for n, b in zip(body, bone, strict=True)],
        linewidths=width,
        capstyle="round",
    )
    axes.add_collection(lines)
