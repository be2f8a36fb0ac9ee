"""A store in another joint layout."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter


def convert_store(store: SkeletonStore, layout: Layout, out: str | Path) -> SkeletonStore:
    """Write the clips of a store with the joints and axes of another layout.

    Raises:
        LayoutError: joints that cannot be had from the store's, or another unit.
        StoreError: something is at ``out`` already.
    """
    mapping, turn = store.layout.mapping_to(layout), store.layout.turn_to(layout, store.channels)
    provenance = {**store.provenance, "converted_from": store.layout.name}
    with StoreWriter(
        out,
        layout,
        store.classes,
        channels=store.channels,
        confidence=store.has_confidence,
        provenance=provenance,
    ) as writer:
        writer.splits = store.splits
        for i in range(len(store)):
            clip = store[i]
            confidence = None if clip.confidence is None else _lowest(clip.confidence, mapping)
            writer.add(replace(clip, xyz=mapping @ clip.xyz @ turn.T, confidence=confidence))
    return SkeletonStore.open(out)


def _lowest(confidence: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """(M, T, V_new): a joint made from several is as sure as the least sure of them."""
    return np.where(mapping > 0, confidence[:, :, None, :], np.inf).min(axis=3)
