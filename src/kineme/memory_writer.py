"""Clips collected into a store that lives in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kineme.clip_table import ClipTable
from kineme.clips import Clip
from kineme.errors import StoreError
from kineme.layout import Layout
from kineme.store import SkeletonStore


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
        self._xyz: list[np.ndarray] = []
        self._present: list[np.ndarray] = []

    def add(self, clip: Clip) -> None:
        """Append a clip; see `kineme.clip_table.ClipTable.append` for what is refused."""
        self._table.append(clip)
        self._xyz.append(clip.xyz.reshape(-1, *clip.xyz.shape[2:]))
        self._present.append(clip.present.reshape(-1))

    def finish(self) -> SkeletonStore:
        """The store.

        Raises:
            StoreError: no clip was added.
        """
        if not self._xyz:
            raise StoreError("a store needs at least one clip")
        return SkeletonStore(
            np.concatenate(self._xyz),
            np.concatenate(self._present),
            self._table.to_array(),
            layout=self._table.layout,
            classes=self._table.classes,
            provenance=self._provenance,
        )
