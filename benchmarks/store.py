"""Size of a store beside the dense array of the field, and the cost of opening one: that of its clip table alone.

    python -m benchmarks.store

prints how long it takes to open a store of 50,000 clips, and to read a batch from it.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import KINECT, padded, random_clips, random_store
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.timing import medians
from kineme.clips import Clip
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter

NUM_CLIPS = 50_000
SIZED = 500
"""Clips that sizes are taken of."""


def sizes(num_clips: int = SIZED) -> Result:
    """Megabytes of clips padded to 300 frames of two bodies, and of the same in a store on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        random_store(num_clips).save(path)
        files = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Result.exact(padded(random_clips(num_clips)).nbytes / 1e6, files / 1e6, "MB")


def write_store(path: Path, num_clips: int) -> None:
    """Short clips of noise, 1 to 7 frames, so that many of them are a small file."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(1, 7, KINECT.num_joints, 3)).astype(np.float32)
    with StoreWriter(path, KINECT, ["noise"]) as writer:
        for i, length in enumerate(rng.integers(1, 8, size=num_clips)):
            xyz = noise[:, :length]
            writer.add(Clip(id=f"S001C001P001R001A001-{i}", xyz=xyz, present=np.ones(xyz.shape[:2], bool), label=0))


def seconds_to_open(num_clips: int = NUM_CLIPS) -> Sequence[float]:
    """CPU time to open a store, and to open it and read one batch."""
    batch = np.random.default_rng(0).integers(0, num_clips, size=128)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        write_store(path, num_clips)
        return medians(
            lambda: SkeletonStore.open(path), lambda: SkeletonStore.open(path).gather(batch).pad().xyz.sum(), rounds=15
        )


def main() -> None:
    """Measure on one thread and print."""
    torch.set_num_threads(1)
    opened, read = seconds_to_open()
    print(f"open a store of {NUM_CLIPS:,} clips: {1e3 * opened:.1f} ms")
    print(f"open it and read 128 clips: {1e3 * read:.1f} ms")


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """Bytes of a store and of the dense array."""
    return (sizes(),)


SUBJECT = Subject(
    goals=(Goal("store size against the dense array of 300 frames", 5.5, 6),),
    measure=measure,
    needs=None,
)

if __name__ == "__main__":
    main()
