"""The people in a Kinetics-skeleton video, whom nobody tracked: the first five of every frame."""

from typing import Any

import numpy as np

from kineme.datasets.people import People
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_PEOPLE_READ = 5
FOREIGN = "this is no file of Kinetics-skeleton, or a damaged one: remove it, or unpack it again"
_NOT_PEOPLE = (KeyError, TypeError, ValueError, OverflowError)  # what other JSON than that of people leads to


def read_people(file: RawFile, frames: list[Any], num_joints: int) -> People:
    """The first five people of every frame."""
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
    pose, nobody_tracked = pose.reshape(-1, num_joints, 2), np.full(len(frame), -1)
    return People(len(frames), frame, pose, score, nobody_tracked)


def _numbers(rows: list[Any], columns: int) -> np.ndarray:
    """(P, columns) float64; ValueError where they are anything else, or do not fit into float32."""
    numbers = np.array(rows) if rows else np.zeros((0, columns))
    if numbers.dtype.kind not in "if" or numbers.shape != (len(rows), columns):
        raise ValueError
    if not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise ValueError
    return numbers
