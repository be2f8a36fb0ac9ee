"""What may enter a store: the checks of one clip, and the table in which clips accumulate."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.errors import ClipError, DuplicateClipError
from kineme.layout import Layout
from kineme.store import META_FIELDS, clip_dtype


def check_seen(clip: Clip) -> None:
    """Refuse a clip in which there is nothing to learn from.

    Raises:
        ClipError: nobody present, or all coordinates zero.
    """
    if not clip.present.any():
        raise ClipError(f"clip {clip.id}: no body in any frame")
    if not clip.xyz.any():
        raise ClipError(f"clip {clip.id}: every coordinate is zero")


def check_clip(clip: Clip, layout: Layout, num_classes: int) -> None:
    """Refuse a clip that a store cannot hold.

    Raises:
        ClipError: wrong shape or joint count, no frame, NaN or infinity, coordinates of an absent body, a label
            without a class, confidences or segments that do not fit the clip.
    """
    xyz, present = clip.xyz, clip.present
    if xyz.ndim != 4 or xyz.shape[3] not in (2, 3):
        raise ClipError(f"clip {clip.id}: expected (M, T, V, C) with 2 or 3 coordinates, found {xyz.shape}")
    if xyz.shape[2] != layout.num_joints:
        raise ClipError(
            f"clip {clip.id}: layout {layout.name} has {layout.num_joints} joints, the clip has {xyz.shape[2]}; "
            f"name the right layout (kineme layouts lists them)"
        )
    if present.shape != xyz.shape[:2]:
        raise ClipError(f"clip {clip.id}: presence {present.shape} does not match coordinates {xyz.shape}")
    if not np.isfinite(xyz).all():
        body, frame, joint, _ = (int(i) for i in np.argwhere(~np.isfinite(xyz))[0])
        raise ClipError(
            f"clip {clip.id}: NaN or infinity at body {body}, frame {frame}, joint {layout.joints[joint]}; "
            f"repair the joint, or mark the whole body-frame absent"
        )
    if not present.all() and xyz[~present].any():
        body, frame = (int(i) for i in np.argwhere(~present & xyz.any(axis=(2, 3)))[0])
        raise ClipError(
            f"clip {clip.id}: body {body} is absent in frame {frame} but has coordinates there; "
            f"set them to zero, or mark the body present"
        )
    if not present.size:
        raise ClipError(f"clip {clip.id}: no frames")
    if clip.label is not None and not 0 <= clip.label < num_classes:
        raise ClipError(f"clip {clip.id}: label {clip.label} is out of range, there are {num_classes} classes")
    if clip.confidence is not None:
        _check_confidence(clip.id, clip.confidence, xyz.shape[:3])
    if clip.segments is not None:
        _check_segments(clip.id, clip.segments, present.shape[1], num_classes)


def _check_confidence(id: str, confidence: np.ndarray, expected: tuple[int, ...]) -> None:
    if confidence.shape != expected:
        raise ClipError(f"clip {id}: confidence {confidence.shape} does not match bodies, frames, joints {expected}")
    if not (np.isfinite(confidence).all() and confidence.min() >= 0):
        raise ClipError(f"clip {id}: a confidence is negative, NaN or infinite")


def _check_segments(id: str, segments: np.ndarray, length: int, num_classes: int) -> None:
    if segments.ndim != 2 or segments.shape[1] != 3:
        raise ClipError(f"clip {id}: expected segments as rows of label, start, end, found {segments.shape}")
    label, start, end = segments.T
    wrong = (label < 0) | (label >= num_classes) | (start < 0) | (end <= start) | (end > length)
    if wrong.any():
        found = segments[wrong.argmax()].tolist()
        raise ClipError(
            f"clip {id}: segment (label, start, end) {found} does not lie in {num_classes} classes, {length} frames"
        )


def confidence_rows(clip: Clip) -> np.ndarray:
    """(M T, V) float32; where the clip knows none, 1 for every joint of a present body."""
    V = clip.xyz.shape[2]
    if clip.confidence is None:
        return np.repeat(clip.present.reshape(-1, 1), V, axis=1).astype(np.float32)
    return clip.confidence.reshape(-1, V).astype(np.float32)


class ClipTable:
    """Clip records as they accumulate, with the checks that need to see all of them."""

    def __init__(self, layout: Layout, classes: Sequence[str], channels: int) -> None:
        self.layout, self.classes, self.channels = layout, tuple(classes), channels
        self.rows: list[tuple[Any, ...]] = []
        self.segments: list[list[list[int]] | None] = []
        self.ids: set[str] = set()
        self.num_rows = 0

    def append(self, clip: Clip) -> None:
        """Check and add a clip.

        Raises:
            ClipError: the clip cannot be stored.
            DuplicateClipError: its id is in the table already.
        """
        check_clip(clip, self.layout, len(self.classes))
        if clip.id in self.ids:
            raise DuplicateClipError(f"clip {clip.id} is in the store already; clip ids must be unique")
        if clip.xyz.shape[3] != self.channels:
            raise ClipError(f"clip {clip.id}: {clip.xyz.shape[3]} coordinates, the store has {self.channels}")
        bodies, length = clip.present.shape
        meta = (int(getattr(clip, name)) for name in META_FIELDS)
        label = -1 if clip.label is None else int(clip.label)
        segments = None if clip.segments is None else clip.segments.tolist()
        self.record((clip.id, self.num_rows, length, bodies, float(clip.fps), label, *meta), segments)

    def fits(self, row: Sequence[Any], num_rows: int) -> bool:
        """Whether arrays of so many rows hold this record's coordinates."""
        return self.num_rows + row[2] * row[3] <= num_rows

    def record(self, row: tuple[Any, ...], segments: list[list[int]] | None) -> None:
        """Add a record in the order of `clip_dtype`, and the clip's segments."""
        self.rows.append(row)
        self.segments.append(segments)
        self.ids.add(row[0])
        self.num_rows += row[2] * row[3]

    def cut(self, num_clips: int) -> None:
        """Forget all clips but the first ones."""
        for row in self.rows[num_clips:]:
            self.ids.remove(row[0])
            self.num_rows -= row[2] * row[3]
        del self.rows[num_clips:], self.segments[num_clips:]

    def segments_array(self) -> np.ndarray | None:
        """(S, 4) int64 clip, label, start, end; None where no clip has any."""
        if all(segments is None for segments in self.segments):
            return None
        rows = [(i, *segment) for i, segments in enumerate(self.segments) for segment in segments or ()]
        return np.array(rows, np.int64).reshape(-1, 4)

    def to_array(self) -> np.ndarray:
        """Structured array of all records."""
        return np.array(self.rows, clip_dtype(max((len(row[0]) for row in self.rows), default=1)))
