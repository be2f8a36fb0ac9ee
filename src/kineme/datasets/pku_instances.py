"""Which frames of a PKU-MMD video each row of its label file means, in the default way and in those of the field."""

import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from kineme.datasets.base import SourceWarning
from kineme.datasets.pku_format import Label

_FIELD_FRAMES = 300  # the most that the field's arrays hold of one instance


class Instance(NamedTuple):
    """One action of a video.

    Args:
        row: line of the label file, from 1.
        label: class, from 0.
        first: first frame, from 0.
        end: frame after the last.
    """

    row: int
    label: int
    first: int
    end: int


def instances_inside(labels: Iterable[Label], num_frames: int, preparation: str) -> Iterator[Instance]:
    """The labelled frames that the video has; a warning tells where these are not all, or none.

    ``"reference"`` takes first frames, numbered from 1, as numbers from 0, and so loses one frame of every instance.

    Args:
        labels: rows of the label file.
        num_frames: T of the video.
        preparation: of the dataset.
    """
    first_number = 0 if preparation == "reference" else 1
    for row, label, start, end in labels:
        instance = Instance(row, label - 1, max(start - first_number, 0), min(end, num_frames))
        empty = instance.first >= instance.end
        if empty or not 1 <= start <= end <= num_frames:
            outcome = "left out" if empty else "cut"
            text = f"label row {row}: frames {start} to {end} of a video of {num_frames}; {outcome}"
            warnings.warn(text, SourceWarning, stacklevel=2)
        if not empty:
            yield instance


def shortened(frames: np.ndarray, preparation: str) -> np.ndarray:
    """What the field's arrays hold of an instance: MAMP's the first frames, AimCLR's the central ones."""
    if preparation not in ("reference", "stgcn"):
        return frames
    start = max(len(frames) - _FIELD_FRAMES, 0) // 2 if preparation == "stgcn" else 0
    return frames[start : start + _FIELD_FRAMES]
