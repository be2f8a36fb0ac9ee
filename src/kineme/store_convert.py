"""A store in another joint layout."""

from dataclasses import replace
from pathlib import Path

from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter


def convert_store(store: SkeletonStore, layout: Layout, out: str | Path) -> SkeletonStore:
    """Write the clips of a store with the joints of another layout.

    Raises:
        LayoutError: joints that cannot be had from the store's, or another unit or vertical axis.
        StoreError: something is at ``out`` already.
    """
    if (store.layout.unit, store.layout.up) != (layout.unit, layout.up):
        raise LayoutError(
            f"{store.layout.name} is in {store.layout.unit} with {store.layout.up} up, {layout.name} in {layout.unit} "
            f"with {layout.up} up; joints can be exchanged, coordinates cannot: scale or turn the clips first"
        )
    mapping = store.layout.mapping_to(layout)
    provenance = {**store.provenance, "converted_from": store.layout.name}
    with StoreWriter(out, layout, store.classes, channels=store.channels, provenance=provenance) as writer:
        for i in range(len(store)):
            clip = store[i]
            writer.add(replace(clip, xyz=mapping @ clip.xyz))
    return SkeletonStore.open(out)
