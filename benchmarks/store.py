"""Opening a large store: the cost is that of its clip table, not of its coordinates."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import medians
from kineme.clips import Clip
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter

NUM_CLIPS = 50_000


def write_store(path: Path, num_clips: int) -> None:
    """Short clips of noise, 1 to 7 frames, so that many of them are a small file."""
    rng = np.random.default_rng(0)
    layout = Layout.get("kinect25")
    noise = rng.normal(size=(1, 7, layout.num_joints, 3)).astype(np.float32)
    with StoreWriter(path, layout, ["noise"]) as writer:
        for i, length in enumerate(rng.integers(1, 8, size=num_clips)):
            xyz = noise[:, :length]
            writer.add(Clip(id=f"S001C001P001R001A001-{i}", xyz=xyz, present=np.ones(xyz.shape[:2], bool), label=0))


def milliseconds_to_open(num_clips: int = NUM_CLIPS) -> tuple[float, float]:
    """Milliseconds of CPU time to open a store, and to open it and read one batch."""
    batch = np.random.default_rng(0).integers(0, num_clips, size=128)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        write_store(path, num_clips)
        opened, read = medians(
            lambda: SkeletonStore.open(path), lambda: SkeletonStore.open(path).gather(batch).pad().xyz.sum(), rounds=15
        )
    return opened * 1e3, read * 1e3
