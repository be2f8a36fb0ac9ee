"""What is in a store, as plain data."""

from collections import Counter
from typing import Any

import numpy as np

from kineme.store import META_FIELDS, SkeletonStore

_ROWS_AT_ONCE = 1 << 16


def store_summary(store: SkeletonStore) -> dict[str, Any]:
    """Counts per class, subject and view, lengths, missing joints and provenance of a store."""
    clips = store.clips
    numbers = {
        name: {str(value): count for value, count in sorted(Counter(clips[name].tolist()).items())}
        for name in META_FIELDS
        if (clips[name] >= 0).any()
    }
    summary: dict[str, Any] = {
        "clips": len(store),
        "layout": store.layout.name,
        "joints": store.layout.num_joints,
        "coordinates": store.channels,
        "bodies": {str(m): int((clips["bodies"] == m).sum()) for m in sorted(set(clips["bodies"].tolist()))},
        "frames": {
            "min": int(clips["length"].min()),
            "median": int(np.median(clips["length"])),
            "max": int(clips["length"].max()),
            "sum": int(clips["length"].sum()),
        },
        "labels": {name: int((clips["label"] == k).sum()) for k, name in enumerate(store.classes)},
        "unlabelled": int((clips["label"] < 0).sum()),
        "segments": _segments(store),
        **numbers,
        "splits": {name: {"train": len(train), "test": len(test)} for name, (train, test) in store.splits.items()},
        "missing joints, %": missing_joints(store),
        "provenance": store.provenance,
    }
    optional = ("labels", "unlabelled", "segments", "splits", "missing joints, %")
    return {name: value for name, value in summary.items() if value or name not in optional}


def _segments(store: SkeletonStore) -> dict[str, int]:
    """Actions marked in uncut recordings, by class."""
    if store.segments is None:
        return {}
    found = Counter(store.segments[:, 1].tolist())
    return {store.classes[label]: count for label, count in sorted(found.items())}


def missing_joints(store: SkeletonStore) -> dict[str, float]:
    """Per cent of all present body-frames in which a joint was not found; joints that are always there are left out.

    A joint was not found where its confidence is 0, or, in stores without confidences, where all its coordinates
    are exactly 0.
    """
    missing, num_bodies = np.zeros(store.layout.num_joints), 0
    for first in range(0, store.num_rows, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        present, found = store.found_joints(rows)
        missing += (~found[present]).sum(axis=0)
        num_bodies += int(present.sum())
    share = np.round(100 * missing / max(num_bodies, 1), 2)
    return {joint: float(share[v]) for v, joint in enumerate(store.layout.joints) if missing[v]}
