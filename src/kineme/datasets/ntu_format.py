"""The ``.skeleton`` text format of NTU RGB+D: from bytes to what the tracker saw, frame by frame.

    <frames>
    per frame:   <bodies>                    0 where the tracker lost everybody
      per body:  <id> and nine states        10 values
                 <joints>
        per joint: x y z and nine others     12 values; x y z in metres, camera space

The format is defined by `_Walk`, which reads line by line and names the line of every mistake. A fast reader reads
what is in order many times faster and leaves everything else to it: `kineme.datasets.ntu_vectorised`, or where numba
is installed `kineme.datasets.ntu_compiled`. The coordinates are the same to the last bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import NoReturn

import numpy as np

from kineme.errors import SourceError

BODY_VALUES, JOINT_VALUES = 10, 12
_FIRST_LINE = 16  # bytes that hold it
FLOAT32_MAX = float(np.finfo(np.float32).max)
_DAMAGED = "the file is damaged: unpack it from the archive again, or leave it out"


@dataclass(frozen=True)
class Recording:
    """What one file holds: R observations, each of one body in one frame, in file order.

    Args:
        path: the file, for error messages.
        num_frames: frames recorded, those without a body included.
        bodies: body ids in order of first appearance. Text: their 17 digits do not fit into a float.
        frame: (R,) int64 frame of each observation, from 0.
        body: (R,) int64 position in ``bodies`` of each observation.
        xyz: (R, V, 3) float32 metres, Kinect camera space.
    """

    path: object
    num_frames: int
    bodies: tuple[str, ...]
    frame: np.ndarray
    body: np.ndarray
    xyz: np.ndarray


Parsed = tuple[int, tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]
"""What a `Recording` holds, in its order: number of frames, bodies, frame, body and xyz."""

FastReader = Callable[[bytes, int], Parsed]
"""Reads a whole file with Unix line ends, given V; ValueError or IndexError where anything in it is odd."""


def parse_skeleton(path: object, data: bytes, num_joints: int, fast: FastReader | None = None) -> Recording:
    """Read the content of a ``.skeleton`` file, with Unix or Windows line ends.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.
        num_joints: V, joints that every body must have.
        fast: how to read what is in order, by default the `fastest_reader`; the result is the same with any.

    Raises:
        SourceError: the first line that breaks the format. A file in which nobody is seen does not.
    """
    if b"\r" in data[:_FIRST_LINE]:  # looking through all of it would take longer than reading some of it
        data = data.replace(b"\r\n", b"\n")
    try:
        parsed = (fast or fastest_reader())(data, num_joints)
    except (ValueError, IndexError):
        parsed = _Walk(path, data.replace(b"\r\n", b"\n"), num_joints).recording()
    return Recording(path, *parsed)


def as_recording(ids: Sequence[bytes], frames: Sequence[int]) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Bodies, frame and body of a `Recording`."""
    position: dict[bytes, int] = {}
    body = [position.setdefault(id, len(position)) for id in ids]
    return tuple(id.decode() for id in position), np.array(frames, np.int64), np.array(body, np.int64)


@cache
def fastest_reader() -> FastReader:
    """The compiled reader where numba is installed, else the vectorised one. Loading numba takes half a second."""
    if find_spec("numba") is None:
        from kineme.datasets.ntu_vectorised import read_vectorised

        return read_vectorised
    from kineme.datasets.ntu_compiled import read_compiled

    return read_compiled


class _Walk:
    """The format line by line: slow, and exact about where a file breaks it."""

    def __init__(self, path: object, data: bytes, num_joints: int) -> None:
        self.path, self.num_joints, self.at = path, num_joints, 0
        self.lines = data.decode("ascii", errors="replace").split("\n")
        while self.lines and not self.lines[-1].strip():
            self.lines.pop()

    def recording(self) -> Parsed:
        if not self.lines:
            raise SourceError(self.path, "the file is empty", line=1, fix=_DAMAGED)
        num_frames = self._count("the number of frames")
        frames: list[int] = []
        ids: list[bytes] = []
        xyz: list[list[list[float]]] = []
        for frame in range(num_frames):
            where = f"frame {frame + 1} of the {num_frames} that line 1 promises"
            for _ in range(self._count(f"the number of bodies in {where}")):
                frames.append(frame)
                ids.append(self._body(where).encode())
                xyz.append([self._joint(f"joint {v + 1} in {where}") for v in range(self.num_joints)])
        if self.at < len(self.lines):
            self.at += 1
            self._fail(f"expected the end of the file after {num_frames} frames, found {self.lines[self.at - 1]!r:.60}")
        return num_frames, *as_recording(ids, frames), np.array(xyz, np.float32).reshape(-1, self.num_joints, 3)

    def _values(self, what: str, count: int) -> list[str]:
        if self.at == len(self.lines):
            self._fail(f"the file ends here, expected {what}")
        values = self.lines[self.at].split()
        self.at += 1
        if len(values) != count:
            self._fail(f"expected {what} as {count} values, found {len(values)}")
        return values

    def _count(self, what: str) -> int:
        (value,) = self._values(what, 1)
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            self._fail(f"expected {what}, found {value!r:.40}")
        return int(value)

    def _body(self, where: str) -> str:
        body, *_ = self._values(f"a body's id and states in {where}", BODY_VALUES)
        if not (body.isascii() and body.isdigit()):
            self._fail(f"expected a body id of digits in {where}, found {body!r:.40}")
        joints = self._count(f"the number of joints in {where}")
        if joints != self.num_joints:
            self._fail(f"expected {self.num_joints} joints in {where}, found {joints}")
        return body

    def _joint(self, what: str) -> list[float]:
        return [self._number(value, what) for value in self._values(what, JOINT_VALUES)[:3]]

    def _number(self, value: str, what: str) -> float:
        try:
            number = float(value)
        except ValueError:
            self._fail(f"expected {what} as numbers, found {value!r:.40}")
        if math.isnan(number) or abs(number) > FLOAT32_MAX:
            self._fail(f"expected finite coordinates of {what}, found {value!r:.40}")
        return number

    def _fail(self, problem: str) -> NoReturn:
        raise SourceError(self.path, problem, line=self.at, fix=_DAMAGED)
