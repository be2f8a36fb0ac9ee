"""Coordinates on their way into a clip."""

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError


def as_float32(frames: np.ndarray, file: RawFile) -> np.ndarray:
    """Frames along the first axis, as float32.

    Raises:
        SourceError: the first frame with NaN, infinity or a number too large for float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # either is found below
        coordinates = np.ascontiguousarray(frames, np.float32)
    finite = np.isfinite(coordinates).reshape(len(frames), -1).all(axis=1)
    if not finite.all():
        problem = f"NaN or infinity in frame {finite.argmin() + 1}"
        raise SourceError(file, problem, fix="repair the frame, or leave the file out")
    return coordinates
