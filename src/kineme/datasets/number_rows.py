"""Text files that are one table of numbers: a row per line, values parted by spaces or commas."""

import re
import warnings

import numpy as np

from kineme.datasets.base import SourceWarning
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_LINE_END = re.compile(r"\r\n?|\n")
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_DAMAGED = "this is another file, or a damaged one: remove it, or unpack it again"


def read_rows(file: RawFile, columns: int) -> np.ndarray:
    """All rows of a file; see `parse_rows`."""
    return parse_rows(file, file.read_bytes(), columns)


def parse_rows(path: object, data: bytes, columns: int) -> np.ndarray:
    """All rows; row r is line r + 1 of the file. A last line without an end is read, with a warning.

    Args:
        path: where the content is from, for messages.
        data: the whole file.
        columns: values in every row.

    Returns:
        (R, columns) float64 with at least one row; every value fits into float32.

    Raises:
        SourceError: the first line that is no such row.
    """
    text = data.decode("ascii", errors="replace").replace(",", " ").rstrip()
    if not text:
        raise SourceError(path, "the file is empty", fix=_DAMAGED)
    lines = _LINE_END.split(text)
    try:
        rows = np.loadtxt(lines, comments=None, ndmin=2)
    except ValueError:
        rows = np.empty((0, 0))
    if rows.shape != (len(lines), columns) or not _fits(rows).all():
        mistakes = ((number, _mistake(line, columns)) for number, line in enumerate(lines, start=1))
        number, problem = next((number, problem) for number, problem in mistakes if problem)
        raise SourceError(path, problem, line=number, fix=_DAMAGED)
    if not data[-1:].isspace():
        note = "the last line has no line end: the file may have been cut there"
        warnings.warn(note, SourceWarning, stacklevel=2)
    return rows


def _mistake(line: str, columns: int) -> str:
    """What is wrong with a line, or ""."""
    values = line.split()
    if len(values) != columns:
        return f"expected {columns} numbers, found {len(values)} values"
    wrong = next((value for value in values if not _is_number(value)), None)
    return "" if wrong is None else f"expected {columns} finite numbers, found {wrong!r:.40}"


def _is_number(value: str) -> bool:
    try:
        return bool(_fits(np.loadtxt([value], comments=None)))
    except ValueError:
        return False


def _fits(numbers: np.ndarray) -> np.ndarray:
    """Which are finite, also as float32; NaN compares as false."""
    return np.abs(numbers) <= _FLOAT32_MAX
