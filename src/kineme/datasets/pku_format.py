"""The text formats of PKU-MMD: skeletons, labels and splits.

skeletons   one line per frame: x y z of 25 joints of the first body, then of the second, as ``%.6f``; metres,
            camera space, zeros for a body that is not there
labels      one line per action: label,start,end,confidence; all from 1, the end included
splits      ``Training videos:``, a line of names, ``Validataion videos:`` (as spelt there), a line of names;
            names are separated by commas, with or without one at the end
"""

import re
import warnings
from typing import NamedTuple

import numpy as np

from kineme.datasets.number_rows import parse_rows
from kineme.errors import SourceError

_DAMAGED = "the file is damaged: unpack it from the archive again, or leave it out"
_EXACT = 2**53  # integers up to here are float64 numbers
_LABEL = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", re.ASCII)
_HEADINGS = ("training videos", "valida")


class Label(NamedTuple):
    """One action of a video, in the numbers of the file.

    Args:
        row: line of the file, from 1.
        label: class, from 1.
        start: first frame, from 1.
        end: last frame.
    """

    row: int
    label: int
    start: int
    end: int


def parse_skeletons(path: object, data: bytes, num_joints: int) -> np.ndarray:
    """Read the content of a skeleton file, with Unix or Windows line ends.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.
        num_joints: V, joints of each of the two bodies.

    Returns:
        (T, 2, V, 3) float32 metres, zero where a body is absent; the nearest to the decimal numbers' doubles.

    Raises:
        SourceError: the first line that breaks the format, or no line at all.
    """
    columns = 2 * num_joints * 3
    values = _fast(data.replace(b"\r\n", b"\n") if b"\r" in data else data, columns)
    if values is None:
        values = parse_rows(path, data, columns)
    return values.astype(np.float32).reshape(-1, 2, num_joints, 3)


def parse_labels(path: object, data: bytes, num_classes: int) -> list[Label]:
    """Read the content of a label file, which may hold nothing.

    Raises:
        SourceError: the first line that breaks the format, or a label without a class.
    """
    labels = []
    for row, line in enumerate(_lines(data), start=1):
        values = _LABEL.fullmatch(line)
        if values is None:
            problem = f"expected label,start,end,confidence as four whole numbers, found {line!r:.60}"
            raise SourceError(path, problem, line=row, fix=_DAMAGED)
        label, start, end, _ = (int(value) for value in values.groups())
        if not 1 <= label <= num_classes:
            problem = f"label {label} is out of range, there are 1 to {num_classes}"
            raise SourceError(path, problem, line=row, fix=_DAMAGED)
        labels.append(Label(row, label, start, end))
    return labels


def parse_split(path: object, data: bytes, name: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Read the content of a split file: the videos that train and those that test.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.
        name: how videos are called.

    Raises:
        SourceError: other than the four lines, something that is no video, an empty side, or a video on both.
    """
    lines = [(number, line) for number, line in enumerate(_lines(data), start=1) if line.strip()]
    headings = [line.strip().lower() for _, line in lines[::2]]
    if len(lines) != 4 or not all(map(str.startswith, headings, _HEADINGS)):
        problem = "expected four lines: 'Training videos:', names, 'Validation videos:', names"
        raise SourceError(path, f"{problem}; found {len(lines)}, the first {lines[:1]!s:.40}", fix=_DAMAGED)
    train, test = (_names(path, number, line, name) for number, line in lines[1::2])
    if both := set(train) & set(test):
        raise SourceError(path, f"{min(both)} trains and tests", line=lines[3][0], fix=_DAMAGED)
    return train, test


def _fast(data: bytes, columns: int) -> np.ndarray | None:
    """(T, columns) float64 of a file in which every number has six decimals, None of any other.

    Without their points such numbers are integers of millionths. Integers are read five times as fast, and their
    division by a million rounds as `float` does.
    """
    text = np.frombuffer(data, np.uint8)
    ends, points = np.flatnonzero(text <= ord(" ")), np.flatnonzero(text == ord("."))
    if not len(ends) or len(ends) != len(points) or len(ends) % columns or (ends - points != 7).any():
        return None
    ends_line = text[ends].reshape(-1, columns) == ord("\n")
    if not ends_line[:, -1].all() or ends_line[:, :-1].any() or b"-0.000000" in data:  # integers have no -0
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of numbers that are none
            millionths = np.fromstring(data.translate(None, b"."), np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    if len(millionths) != len(ends) or millionths.min() < -_EXACT or millionths.max() > _EXACT:
        return None
    return (millionths / 1e6).reshape(-1, columns)


def _names(path: object, number: int, line: str, pattern: re.Pattern[str]) -> list[str]:
    """Videos of one line of a split file; a comma at its end means nothing."""
    names = [name.strip() for name in line.split(",") if name.strip()]
    wrong = [name for name in names if not pattern.fullmatch(name)]
    if wrong or not names:
        found = f"{wrong[0]!r:.40}" if wrong else "none"
        raise SourceError(path, f"expected names of videos, found {found}", line=number, fix=_DAMAGED)
    return names


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8-sig", "replace").rstrip().splitlines()
