"""The first part of a BVH file: its joints and their channels; `kineme.importers.bvh` shows the format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from kineme.errors import SourceError
from kineme.importers.words import to_numbers

DAMAGED = "the file is damaged or no BVH: export it again, or leave it out"
_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}

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


class Hierarchy:
    """The joints, read word by word.

    Args:
        path: where the lines are from, for error messages.
        lines: those before MOTION.

    Attributes:
        joints: parents before their children.

    Raises:
        SourceError: the first line that breaks the format.
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
        offset = to_numbers(words).tolist()
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
        raise SourceError(self.path, problem, line=self.line, fix=DAMAGED)
