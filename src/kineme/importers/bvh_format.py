"""A whole BVH file, from text to joints and the values of their channels; see `kineme.importers.bvh`."""

from dataclasses import dataclass

import numpy as np

from kineme.errors import SourceError
from kineme.importers.bvh_hierarchy import DAMAGED, BVHJoint, Hierarchy, Lines
from kineme.importers.words import to_numbers


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
    joints = Hierarchy(path, lines[:start]).joints
    if start is None:
        raise SourceError(path, "the file ends before MOTION", fix=DAMAGED)
    num_frames = _header(path, lines, start + 1, "Frames")
    seconds = _header(path, lines, start + 2, "Frame Time")
    values = _values(path, lines[start + 3 :], sum(len(joint.channels) for joint in joints))
    if len(values) != num_frames:
        problem = f"expected the {num_frames:g} frames that the file promises, found {len(values)}"
        raise SourceError(path, problem, line=lines[start + 1][0], fix=DAMAGED)
    if len(joints) * len(values) > len(data):  # a small file could otherwise fill any memory
        raise SourceError(path, f"{len(joints)} joints, most of them without channels", fix=DAMAGED)
    return Motion(joints, values, round(1 / seconds, 2))  # files write 0.0333333 for 30 frames per second


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
        raise SourceError(path, problem, line=number, fix=DAMAGED)
    return positive


def _values(path: object, lines: Lines, width: int) -> np.ndarray:
    """(T, width) numbers, a line for each frame."""
    rows = [line.split() for _, line in lines]
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) != width:
            problem = f"expected {width} numbers, one for each channel, found {len(row)}"
            raise SourceError(path, problem, line=number, fix=DAMAGED)
    values = to_numbers([word for row in rows for word in row]).reshape(len(rows), width)
    wrong = ~np.isfinite(values)
    if wrong.any():
        frame, channel = np.argwhere(wrong)[0]
        problem = f"expected a number as value {channel + 1}, found {rows[frame][channel]!r:.40}"
        raise SourceError(path, problem, line=lines[frame][0], fix=DAMAGED)
    return values
