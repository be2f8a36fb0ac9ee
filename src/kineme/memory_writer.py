"""Clips collected into a store that lives in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kineme.clip_table import ClipTable, confidence_rows
from kineme.clips import Clip
from kineme.errors import StoreError
from kineme.layout import Layout
from kineme.store import ListedSplits, SkeletonStore


class MemoryWriter:
    """Collects clips into a store that lives in memory."""

    def __init__(
        self,
        layout: Layout,
        classes: Sequence[str] = (),
        *,
        channels: int = 3,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self._table = ClipTable(layout, classes, channels)
        self._provenance = dict(provenance or {})
        self._clips: list[Clip] = []

    def add(self, clip: Clip) -> None:
        """Append a clip; see `kineme.clip_table.ClipTable.append` for what is refused."""
        self._table.append(clip)
        self._clips.append(clip)

    def finish(self, splits: ListedSplits | None = None) -> SkeletonStore:
        """The store.

        Args:
            splits: splits that came with the data.

        Raises:
            StoreError: no clip was added.
        """
        if not self._clips:
            raise StoreError("a store needs at least one clip")
        known = any(clip.confidence is not None for clip in self._clips)
        return SkeletonStore(
            np.concatenate([clip.xyz.reshape(-1, *clip.xyz.shape[2:]) for clip in self._clips]),
            np.concatenate([clip.present.reshape(-1) for clip in self._clips]),
            self._table.to_array(),
            confidence=np.concatenate([confidence_rows(clip) for clip in self._clips]) if known else None,
            segments=self._table.segments_array(),
            splits=splits or {},
            layout=self._table.layout,
            classes=self._table.classes,
            provenance=self._provenance,
        )
