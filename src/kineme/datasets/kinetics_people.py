"""The people in a Kinetics-skeleton video: nobody tracked them, so here they are chosen and given slots."""

import math
from itertools import groupby
from typing import Any

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_PEOPLE_READ, _PEOPLE_KEPT = 5, 2
_FAR = 100.0  # distance to a slot that nobody has been in; a picture is 1 wide
FOREIGN = "this is no file of Kinetics-skeleton, or a damaged one: remove it, or unpack it again"
_NOT_PEOPLE = (KeyError, TypeError, ValueError, OverflowError)  # what other JSON than that of people leads to

People = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(P,) int64 frame, (P, V, 2) coordinates and (P, V) scores of people, in order of the frames."""


def read_people(file: RawFile, frames: list[Any], num_joints: int) -> People:
    """Everybody who is read."""
    try:
        return _gather(frames, num_joints)
    except _NOT_PEOPLE:
        for number, frame in enumerate(frames, start=1):
            try:
                _gather([frame], num_joints)
            except _NOT_PEOPLE as error:
                expected = f"a list of pose ({2 * num_joints} finite numbers) and score ({num_joints}, none negative)"
                problem = f"expected skeleton as {expected} in entry {number} of data"
                raise SourceError(file, problem, fix=FOREIGN) from error
        raise SourceError(file, "expected skeletons of numbers", fix=FOREIGN) from None


def _gather(frames: list[Any], num_joints: int) -> People:
    people = [(t, person) for t, frame in enumerate(frames) for person in frame["skeleton"][:_PEOPLE_READ]]
    frame = np.array([t for t, _ in people], np.int64)
    pose = _numbers([person["pose"] for _, person in people], 2 * num_joints)
    score = _numbers([person["score"] for _, person in people], num_joints)
    if (score < 0).any():
        raise ValueError
    return frame, pose.reshape(-1, num_joints, 2), score


def _numbers(rows: list[Any], columns: int) -> np.ndarray:
    """(P, columns) float64; ValueError where they are anything else, or do not fit into float32."""
    numbers = np.array(rows) if rows else np.zeros((0, columns))
    if numbers.dtype.kind not in "if" or numbers.shape != (len(rows), columns):
        raise ValueError
    if not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise ValueError
    return numbers


def best(frame: np.ndarray, xy: np.ndarray, score: np.ndarray) -> People:
    """The people kept: of each frame those with the highest sum of scores, the best first."""
    total = score.sum(axis=1)
    order = np.lexsort((-total, frame))
    order = order[(ranks(frame) < _PEOPLE_KEPT) & (total[order] > 0)]
    return frame[order], xy[order], score[order]


def ranks(frame: np.ndarray) -> np.ndarray:
    """(P,) how many people of the same frame come earlier."""
    return np.arange(len(frame)) - np.searchsorted(frame, frame)


def steady_slots(frame: np.ndarray, xy: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(P,) slot of each person: the one in whose place somebody was last seen nearer by."""
    seen = score[..., None] > 0
    centres = (np.where(seen, xy, 0).sum(axis=1) / seen.sum(axis=1)).tolist()
    last: list[list[float] | None] = [None] * _PEOPLE_KEPT
    slots = np.zeros(len(frame), np.int64)
    for _, group in groupby(range(len(frame)), key=frame.tolist().__getitem__):
        people = list(group)
        straight = sum(_distance(centres[person], last[i]) for i, person in enumerate(people))
        crossed = sum(_distance(centres[person], last[1 - i]) for i, person in enumerate(people))
        for i, person in enumerate(people):
            slots[person] = i if straight <= crossed else 1 - i
            last[slots[person]] = centres[person]
    return slots


def _distance(centre: list[float], last: list[float] | None) -> float:
    return _FAR if last is None else math.dist(centre, last)
