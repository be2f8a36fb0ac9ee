"""The ``.skeleton`` text format of NTU RGB+D: from bytes to what the tracker saw, frame by frame.

    <frames>
    per frame:   <bodies>                    0 where the tracker lost everybody
      per body:  <id> and nine states        10 values
                 <joints>
        per joint: x y z and nine others     12 values; x y z in metres, camera space

The format is defined by `_Walk`, which reads line by line and names the line of every mistake. `_fast` reads what
is in order about ten times faster and leaves everything else to it.
"""

import math
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from kineme.errors import SourceError

_BODY_VALUES, _JOINT_VALUES = 10, 12
_FLOAT32_MAX = float(np.finfo(np.float32).max)
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


def parse_skeleton(path: object, data: bytes, num_joints: int) -> Recording:
    """Read the content of a ``.skeleton`` file, with Unix or Windows line ends.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.
        num_joints: V, joints that every body must have.

    Raises:
        SourceError: the first line that breaks the format, or no body in any frame.
    """
    text = data.decode("ascii", errors="replace").replace("\r\n", "\n")
    lines = text.split("\n")
    try:
        num_frames, frames, ids, xyz = _fast(text, lines, num_joints)
    except (ValueError, IndexError):
        num_frames, frames, ids, xyz = _Walk(path, lines, num_joints).recording()
    bodies = tuple(dict.fromkeys(ids))
    position = {body: i for i, body in enumerate(bodies)}
    body = np.array([position[i] for i in ids])
    return Recording(path, num_frames, bodies, np.array(frames), body, xyz)


_Parsed = tuple[int, list[int], list[str], np.ndarray]


def _fast(text: str, lines: list[str], num_joints: int) -> _Parsed:
    """Collect the joint lines, convert all of them at once; ValueError or IndexError where anything is odd."""
    num_frames, joint_count = int(lines[0]), str(num_joints)
    frames: list[int] = []
    ids: list[str] = []
    joints: list[str] = []
    at = 1
    for frame in range(num_frames):
        if not lines[at].isdigit():
            raise ValueError
        num_bodies = int(lines[at])
        at += 1
        for _ in range(num_bodies):
            if lines[at + 1] != joint_count:
                raise ValueError
            frames.append(frame)
            ids.append(lines[at].partition(" ")[0])
            joints += lines[at + 2 : at + 2 + num_joints]
            at += 2 + num_joints
    num_blanks = (_BODY_VALUES - 1) * len(ids) + (_JOINT_VALUES - 1) * len(joints)
    complete = len(joints) == num_joints * len(ids) and len(joints[-1].split()) == _JOINT_VALUES
    if not complete or text.count(" ") != num_blanks or any(lines[at:]) or not "".join(ids).isdigit():
        raise ValueError
    values = np.loadtxt(joints, np.float32, comments=None, delimiter=" ", usecols=(0, 1, 2))
    xyz = values.reshape(len(ids), num_joints, 3)
    if not np.isfinite(xyz).all():
        raise ValueError
    return num_frames, frames, ids, xyz


class _Walk:
    """The format line by line: slow, and exact about where a file breaks it."""

    def __init__(self, path: object, lines: list[str], num_joints: int) -> None:
        self.path, self.num_joints, self.at = path, num_joints, 0
        self.lines = lines
        while self.lines and not self.lines[-1].strip():
            self.lines.pop()

    def recording(self) -> _Parsed:
        if not self.lines:
            raise SourceError(self.path, "the file is empty", line=1, fix=_DAMAGED)
        num_frames = self._count("the number of frames")
        frames: list[int] = []
        ids: list[str] = []
        xyz: list[list[list[float]]] = []
        for frame in range(num_frames):
            where = f"frame {frame + 1} of the {num_frames} that line 1 promises"
            for _ in range(self._count(f"the number of bodies in {where}")):
                frames.append(frame)
                ids.append(self._body(where))
                xyz.append([self._joint(f"joint {v + 1} in {where}") for v in range(self.num_joints)])
        if self.at < len(self.lines):
            self.at += 1
            self._fail(f"expected the end of the file after {num_frames} frames, found {self.lines[self.at - 1]!r:.60}")
        if not ids:
            fix = "nobody was tracked: leave it out"
            raise SourceError(self.path, f"no body in any of the {num_frames} frames", fix=fix)
        return num_frames, frames, ids, np.array(xyz, np.float32)

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
        body, *_ = self._values(f"a body's id and states in {where}", _BODY_VALUES)
        if not (body.isascii() and body.isdigit()):
            self._fail(f"expected a body id of digits in {where}, found {body!r:.40}")
        joints = self._count(f"the number of joints in {where}")
        if joints != self.num_joints:
            self._fail(f"expected {self.num_joints} joints in {where}, found {joints}")
        return body

    def _joint(self, what: str) -> list[float]:
        return [self._number(value, what) for value in self._values(what, _JOINT_VALUES)[:3]]

    def _number(self, value: str, what: str) -> float:
        try:
            number = float(value)
        except ValueError:
            self._fail(f"expected {what} as numbers, found {value!r:.40}")
        if math.isnan(number) or abs(number) > _FLOAT32_MAX:
            self._fail(f"expected finite coordinates of {what}, found {value!r:.40}")
        return number

    def _fail(self, problem: str) -> NoReturn:
        raise SourceError(self.path, problem, line=self.at, fix=_DAMAGED)
