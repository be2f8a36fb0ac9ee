"""People that an estimator found frame by frame, as bodies that keep their slots over time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_FAR = 1e3  # further than any two people are apart, in metres or in widths of a picture


@dataclass(frozen=True)
class People:
    """R findings of one person in one frame each.

    Args:
        length: T, frames of the recording.
        frame: (R,) int frames, ascending.
        xyz: (R, V, C) coordinates.
        confidence: (R, V), 0 for a joint that was not found; what is below 0 counts as 0, what is above 1 as 1.
        track: (R,) int number that a tracker gave the person, -1 where it gave none.
        score: (R,) how sure the estimator is; None for the sum of the confidences.
    """

    length: int
    frame: np.ndarray
    xyz: np.ndarray
    confidence: np.ndarray
    track: np.ndarray
    score: np.ndarray | None = None

    def bodies(self, at_most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The surest people of every frame in steady slots.

        Args:
            at_most: people kept per frame. Those with a track count as sure as its findings together.

        Returns:
            (M, T, V, C) float32 coordinates and (M, T, V) float32 confidences, zero where a joint was not found, and
            (M, T) bool presence. M is at least one, also where nobody was found.
        """
        confidence = self.confidence.clip(0, 1).astype(np.float32)
        xyz = np.where(confidence[..., None] > 0, self.xyz, 0).astype(np.float32)
        kept, _ = surest(self.frame, self._sureness(confidence), at_most)
        slot = steady_slots(self.frame[kept], xyz[kept], confidence[kept] > 0, self.track[kept], at_most)
        shape = (int(slot.max(initial=0)) + 1, self.length, *confidence.shape[1:])
        bodies = np.zeros((*shape, xyz.shape[2]), np.float32)
        confidences = np.zeros(shape, np.float32)
        bodies[slot, self.frame[kept]] = xyz[kept]
        confidences[slot, self.frame[kept]] = confidence[kept]
        return bodies, confidences, np.asarray(confidences.any(axis=2))

    def _sureness(self, confidence: np.ndarray) -> np.ndarray:
        """(R,) by which people are chosen; 0 for one without any joint."""
        score = confidence.sum(axis=1) if self.score is None else self.score
        tracks, number = np.unique(self.track, return_inverse=True)
        of_track = np.bincount(number, score, len(tracks))
        sureness = np.where(self.track >= 0, of_track[number], score)
        return np.where(confidence.any(axis=1), sureness, -np.inf)


def surest(frame: np.ndarray, sureness: np.ndarray, at_most: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the surest people of each frame, in order of the frames, and their ranks there from 0.

    Args:
        frame: (R,) ascending.
        sureness: (R,), minus infinity for those who do not count.
        at_most: people per frame.
    """
    order = np.lexsort((-sureness, frame))
    order = order[np.isfinite(sureness[order])]
    rank = np.arange(len(order)) - np.searchsorted(frame[order], frame[order])
    return order[rank < at_most], rank[rank < at_most]


def steady_slots(
    frame: np.ndarray, xyz: np.ndarray, found: np.ndarray, track: np.ndarray, num_slots: int
) -> np.ndarray:
    """Slots for people such that everybody keeps theirs over time.

    Frame by frame, people take the slots that cost them least in all: their track's own is best, then the one whose
    last pose is nearest (mean distance of the joints found in both), then one that nobody has been in. A new track
    does so the other way round: it prefers a free slot to another's.

    Args:
        frame: (R,) ascending; at most ``num_slots`` people in each.
        xyz: (R, V, C) coordinates.
        found: (R, V) bool.
        track: (R,) int, -1 where unknown.
        num_slots: slots there are.

    Returns:
        (R,) int64 slots; the first person gets slot 0.
    """
    from scipy.optimize import linear_sum_assignment

    slots = np.zeros(len(frame), np.int64)
    last, last_found = np.zeros((num_slots, *xyz.shape[1:])), np.zeros((num_slots, xyz.shape[1]), bool)
    owner = np.full(num_slots, -1)
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    for start, end in pairwise([*starts.tolist(), len(frame)]):
        here = slice(start, end)
        cost = _distances(xyz[here], found[here], last, last_found)
        known = track[here, None] >= 0
        cost -= np.where(known & (track[here, None] == owner), 3 * _FAR, 0)
        cost += np.where(known & (track[here, None] != owner) & last_found.any(axis=1), 2 * _FAR, 0)
        people, taken = linear_sum_assignment(cost)
        slots[start + people] = taken
        last[taken], last_found[taken], owner[taken] = xyz[here], found[here], track[here]
    return slots


def _distances(xyz: np.ndarray, found: np.ndarray, last: np.ndarray, last_found: np.ndarray) -> np.ndarray:
    """(R, S) mean distance of the joints that a person and a slot's last one have in common; far where none."""
    both = found[:, None] & last_found
    apart = np.minimum(np.linalg.norm(xyz[:, None].astype(float) - last, axis=3), _FAR)
    joints = both.sum(axis=2)
    return np.where(joints > 0, (apart * both).sum(axis=2) / np.maximum(joints, 1), _FAR)
