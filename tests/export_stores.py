"""Stores for the tests of the exporters."""

from pathlib import Path

import numpy as np

from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
from kineme.layout import Layout
from kineme.store import SkeletonStore


def golden_store(folder: Path, preparation: str, tmp_path: Path) -> SkeletonStore:
    """The golden set in a folder, which is called like its dataset, straight from the raw download."""
    return prepare(datasets.get(folder.name)(preparation), folder / "raw.zip", tmp_path / "store")[0]


def kinect25_store(
    labelled: bool = True, lengths: tuple[int, ...] = (8, 5, 12, 9, 7, 6), dataset: str = "own"
) -> SkeletonStore:
    """Clips of one kinect25 body and of two in turn, before three cameras."""
    rng, layout, number = np.random.default_rng(0), Layout.get("kinect25"), np.arange(len(lengths))
    return SkeletonStore.from_arrays(
        [rng.normal(size=(1 + i % 2, length, layout.num_joints, 3)) for i, length in enumerate(lengths)],
        layout,
        labels=(number % 3).tolist() if labelled else None,
        classes=["a", "b", "c"],
        subject=(number % 4 + 1).tolist(),
        camera=(number % 3 + 1).tolist(),
        setup=(number * 0 + 1).tolist(),
        replication=(number % 2 + 1).tolist(),
        provenance={"dataset": dataset},
    )
