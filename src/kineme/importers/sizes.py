"""Whether people are of human size, the one sign of coordinates in another unit than the layout's."""

import warnings
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import SourceWarning
from kineme.layout import Layout

_LIKELY = {"m": (0.05, 10.0), "image": (0.001, 10.0)}  # a hand alone is small, far people in pictures are smaller
_UNIT = {"m": "metres", "image": "parts of the picture's width and height"}


def warn_of_size(clips: Sequence[Clip], layout: Layout) -> None:
    """Warn of people who are too large or too small for the layout's unit, going by the median of all body-frames."""
    sizes = np.array([size for clip in clips for size in _sizes(clip, 2 if layout.unit == "image" else 3)])
    least, most = _LIKELY[layout.unit]
    size = float(np.median(sizes)) if len(sizes) else least
    if not least <= size <= most:
        text = f"people measure {size:.4g}, but the coordinates of layout {layout.name} are {_UNIT[layout.unit]}"
        warnings.warn(text, SourceWarning, stacklevel=2)


def _sizes(clip: Clip, num_axes: int) -> np.ndarray:
    """Longest side of the box around each body in each frame where it is there."""
    xyz = clip.xyz[clip.present][..., :num_axes].astype(float)
    if clip.confidence is None:
        return np.ptp(xyz, axis=1).max(axis=1, initial=0)
    found = (clip.confidence[clip.present] > 0)[..., None]
    highest, lowest = np.where(found, xyz, -np.inf).max(axis=1), np.where(found, xyz, np.inf).min(axis=1)
    return np.maximum(highest - lowest, 0).max(axis=1)
