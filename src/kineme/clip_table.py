"""What may enter a store: the checks of one clip, and the table in which clips accumulate."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.errors import ClipError, DuplicateClipError
from kineme.layout import Layout
from kineme.store import META_FIELDS, clip_dtype


def check_clip(clip: Clip, layout: Layout, num_classes: int) -> None:
    """Refuse a clip that a store cannot hold.

    Raises:
        ClipError: wrong shape or joint count, NaN or infinity, coordinates of an absent body, nobody present, all
            coordinates zero, or a label without a class.
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
    if xyz[~present].any():
        body, frame = (int(i) for i in np.argwhere(~present & xyz.any(axis=(2, 3)))[0])
        raise ClipError(
            f"clip {clip.id}: body {body} is absent in frame {frame} but has coordinates there; "
            f"set them to zero, or mark the body present"
        )
    if not present.any():
        raise ClipError(f"clip {clip.id}: no body in any frame")
    if not xyz[present].any():
        raise ClipError(f"clip {clip.id}: every coordinate is zero")
    if clip.label is not None and not 0 <= clip.label < num_classes:
        raise ClipError(f"clip {clip.id}: label {clip.label} is out of range, there are {num_classes} classes")


class ClipTable:
    """Clip records as they accumulate, with the checks that need to see all of them."""

    def __init__(self, layout: Layout, classes: Sequence[str], channels: int) -> None:
        self.layout, self.classes, self.channels = layout, tuple(classes), channels
        self.rows: list[tuple[Any, ...]] = []
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
        self.record((clip.id, self.num_rows, length, bodies, float(clip.fps), label, *meta))

    def fits(self, row: tuple[Any, ...], num_rows: int) -> bool:
        """Whether arrays of so many rows hold this record's coordinates."""
        return self.num_rows + row[2] * row[3] <= num_rows

    def record(self, row: tuple[Any, ...]) -> None:
        """Add a record in the order of `clip_dtype`."""
        self.rows.append(row)
        self.ids.add(row[0])
        self.num_rows += row[2] * row[3]

    def to_array(self) -> np.ndarray:
        """Structured array of all records."""
        return np.array(self.rows, clip_dtype(max((len(row[0]) for row in self.rows), default=1)))
