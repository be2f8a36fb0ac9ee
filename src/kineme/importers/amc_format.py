"""A motion of an Acclaim skeleton: ``.amc`` text, frame by frame what turns each bone.

    :FULLY-SPECIFIED
    :DEGREES                               or :RADIANS
    1                                      number of the frame
    root 10.42 16.70 -30.10 -2.49 -9.82 -3.01
    lfemur -28.02 -1.02 -20.18             the bone's dof as the .asf lists them
    ...

Every frame has the same lines in the same order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from kineme.errors import SourceError
from kineme.importers.words import to_numbers

_DAMAGED = "the file is damaged, or another subject's: fetch it again, and its .asf"

Rows = list[tuple[int, list[str]]]
"""Words of the lines that have any, with the lines' numbers from 1."""


@dataclass(frozen=True)
class Motion:
    """What one file holds.

    Args:
        length: T, frames.
        values: name of a bone to (T, its dof) units of length, and degrees or radians.
        degrees: whether rotations are degrees.
    """

    length: int
    values: dict[str, np.ndarray]
    degrees: bool


def parse_amc(path: object, data: bytes, dof: Mapping[str, int]) -> Motion:
    """Read the content of an ``.amc`` file.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.
        dof: number of values of every bone that is turned.

    Raises:
        SourceError: the first line that breaks the format.
    """
    lines = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
    rows = [(number, words) for number, line in enumerate(lines, start=1) if (words := line.split())]
    start = next((i for i, (_, words) in enumerate(rows) if words[0][0] not in "#:"), len(rows))
    header = {words[0].upper() for _, words in rows[:start]}
    if start == len(rows):
        raise SourceError(path, "no frames", fix=_DAMAGED)
    bones = _bones(path, rows[start:], dof)
    _check(path, rows[start:], bones)
    values = _numbers(path, [row for row in rows[start:] if len(row[1]) > 1])
    values = values.reshape(-1, sum(bones.values()))
    ends = np.cumsum(list(bones.values()))[:-1]
    columns = dict(zip(bones, np.split(values, ends, axis=1), strict=True))
    return Motion(len(values), columns, ":RADIANS" not in header)


def _bones(path: object, rows: Rows, dof: Mapping[str, int]) -> dict[str, int]:
    """Number of values of each bone in the order of the first frame."""
    frame = rows[1 : 1 + len(dof)]
    for number, (name, *values) in frame:
        if dof.get(name) != len(values):
            expected = f"expected {dof[name]} values of bone {name}" if name in dof else "expected a bone of the .asf"
            problem = f"{expected}, found {' '.join([name, *values])!r:.60}"
            raise SourceError(path, problem, line=number, fix=_DAMAGED)
    bones = {words[0]: dof[words[0]] for _, words in frame}
    if missing := [name for name in dof if name not in bones]:
        raise SourceError(path, f"no line for {missing[0]} in the first frame", line=rows[0][0], fix=_DAMAGED)
    return bones


def _check(path: object, rows: Rows, bones: Mapping[str, int]) -> None:
    """Refuse frames that are not all like the first, or not numbered one after another."""
    word = rows[0][1][0]
    first = int(word) if word.isdecimal() and len(word) < 10 else 1
    pattern = cycle([("", 0), *bones.items()])
    frame = first - 1
    for (number, words), (name, values) in zip(rows, pattern, strict=False):
        if not name:
            frame += 1
            name = str(frame)
        if words[0] != name or len(words) != 1 + values:
            expected = f"{name} and {values} values" if values else f"the number {name} of the next frame"
            problem = f"expected {expected}, found {' '.join(words)!r:.60}"
            raise SourceError(path, problem, line=number, fix=_DAMAGED)
    if len(rows) % (1 + len(bones)):
        raise SourceError(path, f"the file ends within frame {frame}", line=rows[-1][0], fix=_DAMAGED)


def _numbers(path: object, rows: Rows) -> np.ndarray:
    """All values of all bones, one after another."""
    words = [word for _, (_, *values) in rows for word in values]
    numbers = to_numbers(words)
    if not np.isfinite(numbers).all():
        wrong = words[np.isfinite(numbers).argmin()]
        line = next(number for number, (_, *values) in rows if wrong in values)
        raise SourceError(path, f"expected numbers, found {wrong!r:.40}", line=line, fix=_DAMAGED)
    return numbers
