"""How we prepare NTU RGB+D: the field's cleaning with its mistakes corrected.

1. A body-frame whose coordinates are all zero was not observed. An id seen twice in a frame counts once, the
   first time.
2. Where a file has several ids, those seen in at most 11 frames are dropped, then those that are wider than a
   person in 69.754 % of their frames or more (furniture). Where nothing would remain, the longest stays.
3. The rest is placed by motion, most first, each into the first slot where it shares at most one frame with the
   span of every id there: ids that follow one another are one person whom the tracker lost. What fits into
   neither of two slots is dropped.
4. Every observation keeps its real frame. Frames before the first and after the last observation are cut; in
   between, a body is absent where it was not seen.

The thresholds are those of `kineme.datasets.ntu_reference`. What differs: nobody is moved in time, no slot's span
is stretched to frame 0, and no file is refused for being short.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kineme.datasets.base import SourceWarning
from kineme.datasets.ntu_format import Recording
from kineme.datasets.ntu_reference import MAX_NOISY, SHORT_TRACK, motion, noisy_frames
from kineme.errors import SourceError

MAX_BODIES = 2


@dataclass(eq=False)
class _Track:
    """One body id: ascending ``frame`` (n,) and ``xyz`` (n, V, 3)."""

    frame: np.ndarray
    xyz: np.ndarray

    @cached_property
    def noisy(self) -> np.ndarray:
        """(n,) bool, where the body is wider than a person."""
        return noisy_frames(self.xyz)

    @property
    def motion(self) -> float:
        whole = float(motion(self.xyz))
        some_clean = self.noisy.any() and not self.noisy.all()
        return min(whole, float(motion(self.xyz[~self.noisy]))) if some_clean else whole

    def follows(self, other: "_Track") -> bool:
        """Whether the two share at most one frame, from their first to their last ones."""
        return min(self.frame[-1], other.frame[-1]) <= max(self.frame[0], other.frame[0])


def tracked_bodies(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The people of a recording, one slot each, by the rules above.

    Returns:
        (M, T, V, 3) float32 metres, zero where absent, M = 1 or 2; and (M, T) bool presence.

    Raises:
        SourceError: every coordinate is zero.
    """
    tracks = _tracks(recording)
    if len(tracks) > 1:
        tracks = sorted(_without_noise(tracks), key=lambda track: track.motion, reverse=True)
    slots: list[list[_Track]] = []
    for track in tracks:
        slot = next((slot for slot in slots if all(track.follows(other) for other in slot)), None)
        if slot is not None:
            slot.append(track)
        elif len(slots) < MAX_BODIES:
            slots.append([track])
    return _assemble(slots)


def _tracks(recording: Recording) -> list[_Track]:
    observed = recording.xyz.reshape(len(recording.xyz), -1).any(axis=1)
    if not observed.any():
        raise SourceError(recording.path, "every coordinate of every body is zero", fix="leave the file out")
    tracks = []
    for body, name in enumerate(recording.bodies):
        own = np.flatnonzero(observed & (recording.body == body))
        again = recording.frame[own[1:]] == recording.frame[own[:-1]]
        if again.any():
            warnings.warn(f"body id {name} occurs twice in a frame; the first was kept", SourceWarning, stacklevel=2)
            own = np.delete(own, np.flatnonzero(again) + 1)
        if len(own):
            alone = len(own) == len(recording.xyz)  # so in most files: nothing to pick out
            xyz = recording.xyz if alone else recording.xyz[own]
            tracks.append(_Track(recording.frame[own], xyz))
    return tracks


def _without_noise(tracks: list[_Track]) -> list[_Track]:
    lasting = [track for track in tracks if len(track.frame) > SHORT_TRACK] or [_longest(tracks)]
    return [track for track in lasting if track.noisy.mean() < MAX_NOISY] or [_longest(lasting)]


def _longest(tracks: list[_Track]) -> _Track:
    return max(tracks, key=lambda track: len(track.frame))


def _assemble(slots: list[list[_Track]]) -> tuple[np.ndarray, np.ndarray]:
    tracks = [track for slot in slots for track in slot]
    first = min(track.frame[0] for track in tracks)
    length = max(track.frame[-1] for track in tracks) + 1 - first
    xyz = np.zeros((len(slots), length, *tracks[0].xyz.shape[1:]), np.float32)
    present = np.zeros((len(slots), length), bool)
    for body, slot in enumerate(slots):
        # Backwards, so that a shared frame goes to the id placed first.
        for track in reversed(slot):
            xyz[body, track.frame - first] = track.xyz
            present[body, track.frame - first] = True
    return xyz, present
