"""JSON files: parsed whole, and lists of numbers in them as arrays."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_FOREIGN = "this is another file, or a damaged one: remove it, or write it again"


def parse_json(file: RawFile) -> Any:
    """Content of a JSON file.

    Raises:
        SourceError: it cannot be read or is not JSON; names the line.
    """
    data = file.read_bytes()
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise SourceError(file, f"not JSON: {error.msg}", line=error.lineno, fix=_FOREIGN) from error
    except (ValueError, RecursionError) as error:  # not text, numbers of thousands of digits, nested without end
        raise SourceError(file, f"not JSON: {error}", fix=_FOREIGN) from error


def records(value: object, file: object, what: str) -> list[dict[str, Any]]:
    """The value as the list of objects that it should be.

    Raises:
        SourceError: it is something else; says where.
    """
    if not isinstance(value, list):
        raise SourceError(file, f"expected {what} as a list, found {kind(value)}", fix=_FOREIGN)
    for number, entry in enumerate(value, start=1):
        if not isinstance(entry, dict):
            raise SourceError(file, f"expected {what} as objects, found {kind(entry)} at place {number}", fix=_FOREIGN)
    return value


def number_rows(rows: Sequence[object], columns: int, file: object, what: str) -> np.ndarray:
    """Lists of numbers as one array.

    Args:
        rows: R lists.
        columns: numbers in each.
        file: for messages.
        what: what one list is, for messages.

    Returns:
        (R, columns) float32.

    Raises:
        SourceError: the first list that is anything else.
    """
    if not rows:
        return np.zeros((0, columns), np.float32)
    array = _array(rows)
    if array is None or array.shape != (len(rows), columns):
        array = np.stack([_row(row, columns, file, f"{what} {number}") for number, row in enumerate(rows, start=1)])
    return array.astype(np.float32)


def _row(row: object, columns: int, file: object, what: str) -> np.ndarray:
    array = _array(row)
    if array is None or array.shape != (columns,):
        raise SourceError(file, f"expected {columns} finite numbers as {what}, found {_contents(row)}", fix=_FOREIGN)
    return array


def _array(values: object) -> np.ndarray | None:
    """Numbers that fit into float32; None for anything else."""
    try:
        array = np.array(values)
    except (ValueError, TypeError, OverflowError, RecursionError):  # lists of different lengths, or no lists
        return None
    return array if array.dtype.kind in "iuf" and (np.abs(array, dtype=float) <= _FLOAT32_MAX).all() else None


def _contents(row: object) -> str:
    if not isinstance(row, list):
        return kind(row)
    wrong = [value for value in row if isinstance(value, list) or _array([value]) is None]
    return f"{len(row)} values" + (f", one of them {kind(wrong[0])}" if wrong else "")


def kind(value: object) -> str:
    """What a value is, in JSON's terms."""
    if value is None or isinstance(value, bool | int | float):
        return str(json.dumps(value))[:40]
    return {str: "text", list: "a list", dict: "an object"}.get(type(value), type(value).__name__)
