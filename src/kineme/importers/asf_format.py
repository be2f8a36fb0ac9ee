"""The skeleton of a subject in motion capture by Acclaim: ``.asf`` text, as the CMU database has it.

:units                                 length 0.45, angle deg
:root                                  order TX TY TZ RX RY RZ, axis XYZ, position 0 0 0, orientation 0 0 0
:bonedata
  begin
    name lfemur
    direction 0.34 -0.94 0             in the root's frame, while no joint is turned
    length 7.59
    axis 0 0 20 XYZ                    the frame in which the bone is turned
    dof rx ry rz                       what the .amc gives for it; absent where it is rigid
  end
:hierarchy
  begin
    root lhipjoint rhipjoint           a bone and those that start where it ends
  end
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kineme.errors import SourceError
from kineme.importers.rotations import euler_matrices
from kineme.importers.words import to_numbers

_INCH = 0.0254
_DAMAGED = "the file is damaged or no ASF: fetch it again"

Lines = list[tuple[int, list[str]]]
"""Words of the lines that have any, with the lines' numbers from 1."""


@dataclass(frozen=True)
class Bone:
    """A bone, or the root.

    Args:
        name: as in the file; "root" for the root.
        parent: position of the bone at whose end it starts; -1 for the root.
        reach: (3,) from its start to its end in metres, not turned; of the root: where it stands.
        frame: (3, 3) axes in which it is turned, as columns.
        dof: what the motion gives for it, such as "tx" or "ry"; rotations are done in this order.
    """

    name: str
    parent: int
    reach: np.ndarray
    frame: np.ndarray
    dof: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """A subject's bones.

    Args:
        bones: parents first, beginning with the root.
        unit: metres per unit of length in the motion files.
    """

    bones: list[Bone]
    unit: float


def parse_asf(path: object, data: bytes) -> Skeleton:
    """Read the content of an ``.asf`` file.

    Args:
        path: where the content is from, for error messages.
        data: the whole file.

    Raises:
        SourceError: the content does not follow the format.
    """
    sections = _sections(data.decode("utf-8-sig", errors="replace"))
    if missing := [name for name in (":units", ":root", ":bonedata", ":hierarchy") if name not in sections]:
        raise SourceError(path, f"no section {missing[0]}", fix=_DAMAGED)
    units = _Entries(path, sections[":units"])
    (length,) = units.numbers("length", 1)
    if not 1e-6 < length < 1e6:
        raise SourceError(path, f"expected a positive length among the units, found {length}", fix=_DAMAGED)
    angle = units.words("angle")[0].lower()
    if angle not in ("deg", "rad"):
        raise SourceError(path, f"expected angles in deg or rad, found {angle!r:.40}", fix=_DAMAGED)
    unit, radians = _INCH / length, np.pi / 180 if angle == "deg" else 1.0  # lengths are inches times the unit
    entries = {entry.name: entry for entry in _bones(path, sections[":bonedata"])}
    root = _Entries(path, sections[":root"])
    bones = [root.root(unit, radians)]
    for name, parent in _tree(path, sections[":hierarchy"], list(entries)):
        bones.append(entries[name].bone(parent, unit, radians))
    if not any(bone.dof for bone in bones):
        raise SourceError(path, "neither the root nor any bone has a dof", fix=_DAMAGED)
    return Skeleton(bones, unit)


def _sections(text: str) -> dict[str, Lines]:
    """Lines below each line that starts with a colon."""
    sections: dict[str, Lines] = {}
    lines: Lines = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        words = line.partition("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0].lower(), [])
        elif words:
            lines.append((number, words))
    return sections


class _Entries:
    """Lines of a key and values, such as those of one bone."""

    def __init__(self, path: object, lines: Lines) -> None:
        self.path, self.line = path, lines[0][0] if lines else None
        self._lines = {words[0].lower(): (number, words[1:]) for number, words in lines}

    @property
    def name(self) -> str:
        return self.words("name")[0]

    def words(self, key: str) -> list[str]:
        number, words = self._lines.get(key, (self.line, []))
        if not words:
            raise SourceError(self.path, f"no {key} in what begins here", line=number, fix=_DAMAGED)
        return words

    def numbers(self, key: str, count: int) -> np.ndarray:
        words = self.words(key)[:count]
        numbers = to_numbers(words)
        if len(numbers) != count or not (np.abs(numbers) < 1e9).all():
            problem = f"expected {key} and {count} numbers, found {' '.join(words)!r:.60}"
            raise SourceError(self.path, problem, line=self._lines[key][0], fix=_DAMAGED)
        return numbers

    def dof(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        dof = tuple(word.lower() for word in self.words(key)) if key in self._lines else ()
        if len(set(dof)) != len(dof) or not set(dof) <= set(allowed):
            problem = f"expected {key} and any of {' '.join(allowed)}, found {' '.join(dof)!r:.60}"
            raise SourceError(self.path, problem, line=self._lines[key][0], fix=_DAMAGED)
        return dof

    def frame(self, angles: np.ndarray, order: str) -> np.ndarray:
        """Axes turned by angles about x, y and z, first about the first of the order."""
        if sorted(order.lower()) != ["x", "y", "z"]:
            raise SourceError(self.path, f"expected an axis such as XYZ, found {order!r:.40}", line=self.line)
        turns = angles[["xyz".index(axis) for axis in order.lower()]]
        return euler_matrices(turns[::-1], order.lower()[::-1])

    def root(self, unit: float, radians: float) -> Bone:
        dof = self.dof("order", ("tx", "ty", "tz", "rx", "ry", "rz"))
        frame = self.frame(self.numbers("orientation", 3) * radians, self.words("axis")[0])
        return Bone("root", -1, self.numbers("position", 3) * unit, frame, dof)

    def bone(self, parent: int, unit: float, radians: float) -> Bone:
        reach = self.numbers("direction", 3) * self.numbers("length", 1) * unit
        order = self.words("axis")[3:]
        frame = self.frame(self.numbers("axis", 3) * radians, order[0] if order else "XYZ")
        return Bone(self.name, parent, reach, frame, self.dof("dof", ("rx", "ry", "rz")))


def _bones(path: object, lines: Lines) -> Iterator[_Entries]:
    """The entries between each ``begin`` and ``end``."""
    block: Lines = []
    for number, words in lines:
        if words[0].lower() == "begin":
            block = []
        elif words[0].lower() == "end":
            yield _Entries(path, block)
        else:
            block.append((number, words))


def _tree(path: object, lines: Lines, names: list[str]) -> Iterator[tuple[str, int]]:
    """Bones with the positions of their parents, parents first."""
    position = {"root": 0}
    for number, (parent, *children) in lines:
        if (parent.lower(), children) in (("begin", []), ("end", [])):
            continue
        for child in children:
            if parent not in position or child not in names or child in position:
                problem = f"{child} below {parent}: both must be bones, the lower one new, the upper one listed before"
                raise SourceError(path, problem, line=number, fix=_DAMAGED)
            position[child] = len(position)
            yield child, position[parent]
    if loose := [name for name in names if name not in position]:
        raise SourceError(path, f"bone {loose[0]} is not in the hierarchy", fix=_DAMAGED)
