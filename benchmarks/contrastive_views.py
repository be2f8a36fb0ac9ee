"""The four views of ActCLR, batched from a store of raw clips, against the authors' feeder.

    git clone https://github.com/LanglandsLin/ActCLR
    pip install opencv-python-headless
    python -m benchmarks.contrastive_views --reference ActCLR

Theirs reads clips that were prepared before (root-relative, fifty frames, facing the viewer); ours prepares raw ones
in every step, and is also measured without that. Both deliver all four views with every augmentation on.
"""

import argparse
import importlib
import pickle
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator

from benchmarks.feeder import BATCH, BATCHES, random_clips
from benchmarks.timing import medians
from kineme.recipes.contrastive_views import actclr_views, contrastive_preparation
from kineme.store import SkeletonStore
from kineme.transforms import TrainViews, at_epoch, eval_pipeline


@dataclass(frozen=True)
class Result:
    """Clips per second of CPU time on one core; a clip is four views."""

    ours: float
    prepared: float
    reference: float


def prepared_store(store: SkeletonStore) -> tuple[SkeletonStore, np.ndarray]:
    """The prepared clips as a store, and as the authors keep them: (N, C, T, V, M)."""
    batch = eval_pipeline(contrastive_preparation())(store.gather(range(len(store))), Generator())
    clips = [clip[: store.clips["bodies"][i]].numpy() for i, clip in enumerate(batch.xyz)]
    return SkeletonStore.from_arrays(clips, store.layout), batch.xyz.permute(0, 4, 2, 3, 1).contiguous().numpy()


def measure(reference: Path) -> Result:
    """Both on the same clips.

    Args:
        reference: folder of the authors' code.
    """
    store = SkeletonStore.from_arrays(random_clips(BATCH * BATCHES), "kinect25")
    prepared, dense = prepared_store(store)
    views = [at_epoch(view, 0, 0) for view in actclr_views()]
    raw = TrainViews(contrastive_preparation(), views)
    plain = TrainViews(contrastive_preparation().with_changes(root_relative=False, yaw_per_frame=False), views)
    order = torch.randperm(len(store), generator=Generator().manual_seed(0)).chunk(BATCHES)
    generator = Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        feeder = reference_feeder(reference, dense, Path(folder))
        ours, without, theirs = medians(
            lambda: [raw(store.gather(index), generator) for index in order],
            lambda: [plain(prepared.gather(index), generator) for index in order],
            lambda: [feeder[i] for i in order[0].tolist()],
        )
    return Result(len(store) / ours, len(store) / without, BATCH / theirs)


def reference_feeder(reference: Path, clips: np.ndarray, folder: Path) -> "torch.utils.data.Dataset[object]":
    """The authors' feeder on clips (N, C, T, V, M), which it reads from files."""
    np.save(folder / "clips.npy", clips)
    (folder / "labels.pkl").write_bytes(pickle.dumps(([str(i) for i in range(len(clips))], [0] * len(clips))))
    sys.path.insert(0, str(reference))
    module = importlib.import_module("feeder.ntu_feeder")
    return module.Feeder_triple(str(folder / "clips.npy"), str(folder / "labels.pkl"), mmap=False)


def main() -> None:
    """Measure on one thread and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="folder of the authors' code")
    torch.set_num_threads(1)
    speed = measure(parser.parse_args().reference)
    print(f"authors' feeder     {speed.reference:8,.0f} clips/s")
    print(f"from raw clips      {speed.ours:8,.0f} clips/s  {speed.ours / speed.reference:5.1f} times")
    print(f"from prepared clips {speed.prepared:8,.0f} clips/s  {speed.prepared / speed.reference:5.1f} times")


if __name__ == "__main__":
    main()
