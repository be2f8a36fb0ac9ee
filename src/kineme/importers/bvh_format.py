"""From the text of a BVH file to its joints and their channels; `kineme.importers.bvh` shows the format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from kineme.errors import SourceError

_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
_DAMAGED = "the file is damaged or no BVH: export it again, or leave it out"

Lines = list[tuple[int, str]]
"""Lines that are not blank, with their numbers from 1."""


@dataclass
class BVHJoint:
    """A joint of the hierarchy.

    Args:
        name: as in the file.
        parent: its position among the joints; -1 for the root.
        offset: place in the parent's frame, file units; empty until its line is read.
        channels: such as ``xposition`` and ``zrotation``, in the order of the file.
    """

    name: str
    parent: int
    offset: Sequence[float] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Motion:
    """What one file holds.

    Args:
        joints: J joints, parents first.
        values: (T, channels of all joints) file units and degrees, finite.
        fps: frames per second.
    """

    joints: list[BVHJoint]
    values: np.ndarray
    fps: float


def parse_bvh(path: object, data: bytes) -> Motion:
    """Read the content of a BVH file.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.

    Raises:
        SourceError: the first line that breaks the format.
    """
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    start = next((i for i, (_, line) in enumerate(lines) if line.strip() == "MOTION"), None)
    joints = _Hierarchy(path, lines[:start]).joints
    if start is None:
        raise SourceError(path, "the file ends before MOTION", fix=_DAMAGED)
    num_frames = _header(path, lines, start + 1, "Frames")
    seconds = _header(path, lines, start + 2, "Frame Time")
    values = _values(path, lines[start + 3 :], sum(len(joint.channels) for joint in joints))
    if len(values) != num_frames:
        problem = f"expected the {num_frames:g} frames that the file promises, found {len(values)}"
        raise SourceError(path, problem, line=lines[start + 1][0], fix=_DAMAGED)
    return Motion(joints, values, round(1 / seconds, 2))  # files write 0.0333333 for 30 frames per second


class _Hierarchy:
    """The joints, read word by word.

    Attributes:
        joints: parents before their children.
    """

    def __init__(self, path: object, lines: Lines) -> None:
        self.path, self.line, self.joints = path, 1, list[BVHJoint]()
        self._words = self._numbered(lines)
        self._open: list[int] = []
        self._take("HIERARCHY")
        self._take("ROOT")
        self._begin()
        while self._open:
            self._statement(self.joints[self._open[-1]])
        for word in self._words:
            self._fail(f"expected MOTION after the root's last brace, found {word!r:.40}")

    def _statement(self, joint: BVHJoint) -> None:
        expected = "OFFSET, CHANNELS, JOINT, End Site or }"
        match self._word(expected):
            case "OFFSET":
                joint.offset = self._offset()
            case "CHANNELS":
                joint.channels = self._channels()
            case "JOINT":
                self._begin()
            case "End":
                self._take("Site")
                self._take("{")
                self._take("OFFSET")
                self._offset()
                self._take("}")
            case "}":
                if not joint.offset:
                    self._fail(f"joint {joint.name} has no OFFSET")
                self._open.pop()
            case word:
                self._fail(
                    f"expected OFFSET, CHANNELS, JOINT, End Site or }} in joint {joint.name}, found {word!r:.40}"
                )

    def _begin(self) -> None:
        """A joint's name, which may have blanks, and its opening brace."""
        name = []
        while (word := self._word("the name of a joint and {")) != "{":
            name.append(word)
        self.joints.append(BVHJoint(" ".join(name), self._open[-1] if self._open else -1))
        self._open.append(len(self.joints) - 1)

    def _offset(self) -> list[float]:
        words = [self._word("an OFFSET of 3 numbers") for _ in range(3)]
        try:
            offset = [float(word) for word in words]
        except ValueError:
            offset = [np.nan]
        if not np.isfinite(offset).all():
            self._fail(f"expected an OFFSET of 3 numbers, found {' '.join(words)!r:.60}")
        return offset

    def _channels(self) -> tuple[str, ...]:
        count = self._word("the number of CHANNELS")
        if count not in tuple("0123456"):
            self._fail(f"expected a number of CHANNELS up to 6, found {count!r:.40}")
        channels = tuple(self._word(f"{count} CHANNELS").lower() for _ in range(int(count)))
        if unknown := [channel for channel in channels if channel not in _CHANNELS]:
            self._fail(f"expected {count} CHANNELS such as Xposition or Zrotation, found {unknown[0]!r:.40}")
        return channels

    def _numbered(self, lines: Lines) -> Iterator[str]:
        for self.line, line in lines:
            yield from line.replace("{", " { ").replace("}", " } ").split()

    def _word(self, expected: str) -> str:
        word = next(self._words, None)
        if word is None:
            self._fail(f"the hierarchy ends here, expected {expected}")
        return word

    def _take(self, expected: str) -> None:
        if (word := self._word(expected)) != expected:
            self._fail(f"expected {expected}, found {word!r:.40}")

    def _fail(self, problem: str) -> NoReturn:
        raise SourceError(self.path, problem, line=self.line, fix=_DAMAGED)


def _header(path: object, lines: Lines, at: int, key: str) -> float:
    """The positive number in a line such as ``Frames: 128``."""
    number, line = lines[at] if at < len(lines) else (lines[-1][0], "nothing")
    found, _, value = " ".join(line.split()).partition(":")
    try:
        positive = float(value) if found.lower() == key.lower() else 0.0
    except ValueError:
        positive = 0.0
    if not 1e-6 < positive < 1e9:
        problem = f"expected {key}: and a positive number, found {line.strip()!r:.40}"
        raise SourceError(path, problem, line=number, fix=_DAMAGED)
    return positive


def _values(path: object, lines: Lines, width: int) -> np.ndarray:
    """(T, width) numbers, a line for each frame."""
    rows = [line.split() for _, line in lines]
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) != width:
            problem = f"expected {width} numbers, one for each channel, found {len(row)}"
            raise SourceError(path, problem, line=number, fix=_DAMAGED)
    try:
        values = np.array(rows, float).reshape(-1, width)
    except ValueError:
        values = np.array([[_number(word) for word in row] for row in rows])
    wrong = ~np.isfinite(values)
    if wrong.any():
        frame, channel = np.argwhere(wrong)[0]
        problem = f"expected a number as value {channel + 1}, found {rows[frame][channel]!r:.40}"
        raise SourceError(path, problem, line=lines[frame][0], fix=_DAMAGED)
    return values


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
