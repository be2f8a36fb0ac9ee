"""Pixels as the parts of a picture's width and height that layouts with ``unit = "image"`` have."""

import numpy as np

from kineme.errors import SourceError
from kineme.layout import Layout

PictureSize = tuple[int, int] | None
"""Width and height in pixels; None for what the files say."""


def require_picture(layout: Layout, file: object) -> None:
    """Check that a layout is one of picture coordinates.

    Raises:
        SourceError: it is in metres, or y does not grow downward as it does in pictures.
    """
    if (layout.unit, layout.up) != ("image", "-y"):
        raise SourceError(
            file,
            f"places in a picture, but layout {layout.name} is in {layout.unit} with {layout.up} up",
            fix='give a --layout with unit = "image" and up = "-y"',
        )


def picture_size(size: object, file: object) -> np.ndarray:
    """(2,) float32 width and height.

    Raises:
        SourceError: no such size; asks for it.
    """
    try:
        sides = np.array(() if size is None else size, float)
    except (TypeError, ValueError, OverflowError):
        sides = np.zeros(())
    if sides.shape != (2,) or not ((sides >= 1) & (sides < 1e6)).all():
        problem = "coordinates in pixels of a picture of unknown size"
        if size is not None:
            problem = f"expected width and height of the picture in pixels, found {size!r:.40}"
        raise SourceError(file, problem, fix="say its width and height: --image-size 1920 1080")
    return sides.astype(np.float32)
