"""How the field prepares NTU RGB+D, bit for bit: the denoising of the SGN and CTR-GCN scripts, quirks included.

Choose it to compare with published numbers on the very same arrays. The quirks, kept on purpose:

* a body's frames are counted up from its first one, so that one who leaves and returns is closed up in time;
* frames without a body are removed, and so, in files with several body ids, are frames whose values sum to zero;
* of overlapping bodies the second slot's time span starts at frame 0, whatever it really holds.

Source: `get_raw_skes_data.py`, `get_raw_denoised_data.py` and `seq_transformation.py` as SGN (Zhang et al., CVPR 2020)
and CTR-GCN (Chen et al., ICCV 2021) distribute them. All sums are float32, in the order of the original.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kineme.clips import Clip
from kineme.datasets.ntu_format import Recording
from kineme.errors import SourceError
from kineme.layout import Layout

SHORT_TRACK = 11  # frames up to which a body counts as noise
MAX_ASPECT = 0.8  # a person is at most this wide, in heights
MAX_NOISY = 0.69754  # share of noisy frames from which a body counts as noise


@dataclass(eq=False)
class _Track:
    """One body id: ``xyz`` (n, V, 3), said to fill the frames from ``start`` to ``end``."""

    start: int
    xyz: np.ndarray

    @cached_property
    def motion(self) -> np.floating:
        return motion(self.xyz)

    @property
    def end(self) -> int:
        return self.start + len(self.xyz) - 1


def motion(xyz: np.ndarray) -> np.floating:
    """How much a body moves: variance of all its coordinates, summed over the axes (m^2, float32).

    Args:
        xyz: (n, V, 3) metres.
    """
    return np.sum(np.var(xyz.reshape(-1, 3), axis=0))


def noisy_frames(xyz: np.ndarray) -> np.ndarray:
    """(n,) bool: frames in which a body (n, V, 3) is wider than a person, most often a piece of furniture."""
    x, y = np.ascontiguousarray(xyz.transpose(2, 1, 0)[:2])  # (V, n) each: fast over joints
    return ~(np.ptp(x, axis=0) <= MAX_ASPECT * np.ptp(y, axis=0))


def reference_bodies(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Denoised bodies as the field's scripts make them.

    Args:
        recording: one in which somebody is seen.

    Returns:
        (M, T, V, 3) float32 raw metres, M = 2 where the scripts saw two actors; and (M, T) bool presence, true
        where the scripts wrote anything but zeros.

    Raises:
        SourceError: an input on which the scripts crash.
    """
    frame = np.cumsum(np.diff(recording.frame, prepend=recording.frame[0]) > 0)  # without empty ones
    num_frames, tracks = int(frame[-1]) + 1, _tracks(recording, frame)
    if len(tracks) == 1:
        rows = _one_actor(tracks[0], num_frames)
    else:
        tracks = _without_ghosts([track for track in tracks if len(track.xyz) > SHORT_TRACK])
        if not tracks:
            raise _crash(recording, f"no body is seen in more than {SHORT_TRACK} frames")
        rows = _one_actor(tracks[0], num_frames) if len(tracks) == 1 else _two_actors(tracks, num_frames)
        rows = rows[rows.reshape(num_frames, -1).sum(axis=1) != 0]
    bodies = np.ascontiguousarray(rows.swapaxes(0, 1))
    if not bodies[0].any():
        raise _crash(recording, "every coordinate of the main body is zero")
    return bodies, np.any(bodies != 0, axis=(2, 3))


def centre_reference(clip: Clip) -> np.ndarray:
    """Centre a clip prepared by `reference_bodies` as ``seq_transformation.py`` does.

    The origin is the main body's spine in its first frame. Empty frames of single-body clips move along with the
    rest, those of two-body clips stay zero.

    Returns:
        (M, T, V, 3) float32 metres.
    """
    xyz = np.asarray(clip.xyz)
    first = int(clip.present[0].argmax())
    centred = xyz - xyz[0, first, Layout.get("kinect25").index("spine_mid")]
    if len(xyz) > 1:
        empty = xyz.reshape(*xyz.shape[:2], -1).sum(axis=2) == 0
        centred[empty] = 0
    return centred


def _tracks(recording: Recording, frame: np.ndarray) -> list[_Track]:
    tracks = []
    for body, name in enumerate(recording.bodies):
        own = np.flatnonzero(recording.body == body)
        if not np.diff(frame[own]).all():
            raise _crash(recording, f"body id {name} occurs twice in one frame")
        tracks.append(_Track(int(frame[own[0]]), recording.xyz[own]))
    return tracks


def _without_ghosts(tracks: list[_Track]) -> list[_Track]:
    kept = list(tracks)
    for track in tracks:
        if len(kept) == 1:
            break
        noisy = noisy_frames(track.xyz)
        if noisy.mean() >= MAX_NOISY:
            kept.remove(track)
        elif noisy.any():
            track.motion = min(track.motion, motion(track.xyz[~noisy]))
    return kept


def _one_actor(track: _Track, num_frames: int) -> np.ndarray:
    rows = np.zeros((num_frames, 1, *track.xyz.shape[1:]), np.float32)
    rows[track.start : track.end + 1, 0] = track.xyz
    return rows


def _two_actors(tracks: list[_Track], num_frames: int) -> np.ndarray:
    first, *others = sorted(tracks, key=lambda track: track.motion, reverse=True)
    rows = np.zeros((num_frames, 2, *first.xyz.shape[1:]), np.float32)
    rows[first.start : first.end + 1, 0] = first.xyz
    spans = [(first.start, first.end), (0, 0)]
    for track in others:
        for slot, (start, end) in enumerate(spans):
            if min(end, track.end) - max(start, track.start) <= 0:
                rows[track.start : track.end + 1, slot] = track.xyz
                spans[slot] = (min(start, track.start), max(end, track.end))
                break
    return rows


def _crash(recording: Recording, problem: str) -> SourceError:
    fix = "the field's scripts stop here; leave the file out, or prepare without reference mode"
    return SourceError(recording.path, problem, fix=fix)
