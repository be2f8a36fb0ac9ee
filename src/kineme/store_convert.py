"""A store in another joint layout."""

from dataclasses import replace
from pathlib import Path

from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter


def convert_store(store: SkeletonStore, layout: Layout, out: str | Path) -> SkeletonStore:
    """Write the clips of a store with the joints of another layout.

    Raises:
        LayoutError: joints that cannot be had from the store's, or another unit or vertical axis.
        StoreError: something is at ``out`` already.
    """
    store.layout.require_same_space(layout)
    mapping = store.layout.mapping_to(layout)
    provenance = {**store.provenance, "converted_from": store.layout.name}
    with StoreWriter(out, layout, store.classes, channels=store.channels, provenance=provenance) as writer:
        for i in range(len(store)):
            clip = store[i]
            writer.add(replace(clip, xyz=mapping @ clip.xyz))
    return SkeletonStore.open(out)
