"""The four views of ActCLR in batches of 256 clips, beside the authors' feeder, which needs OpenCV.

Theirs reads clips that were prepared before (root-relative, fifty frames, facing the viewer); ours prepares raw ones
in every step, and is also measured without that. Both deliver all four views with every augmentation on. Draws differ:
that each augmentation is theirs is what the golden tests show.
"""

import importlib
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Generator
from torch.utils.data import Dataset, default_collate

from benchmarks.clips import random_clips
from benchmarks.feeder import BATCH
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.timing import in_turns
from kineme.recipes.contrastive_views import actclr_views, contrastive_preparation
from kineme.store import SkeletonStore
from kineme.transforms import TrainViews, at_epoch, eval_pipeline


def prepared_store(store: SkeletonStore) -> tuple[SkeletonStore, np.ndarray]:
    """The prepared clips as a store, and as the authors keep them: (N, C, T, V, M)."""
    batch = eval_pipeline(contrastive_preparation())(store.gather(range(len(store))), Generator())
    clips = [clip[: store.clips["bodies"][i]].numpy() for i, clip in enumerate(batch.xyz)]
    return SkeletonStore.from_arrays(clips, store.layout), batch.xyz.permute(0, 4, 2, 3, 1).contiguous().numpy()


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A batch of each; all on the same clips."""
    store = SkeletonStore.from_arrays(random_clips(BATCH), "kinect25")
    prepared, dense = prepared_store(store)
    views = [at_epoch(view, 0, 0) for view in actclr_views()]
    raw = TrainViews(contrastive_preparation(), views)
    plain = TrainViews(contrastive_preparation().with_changes(root_relative=False, yaw_per_frame=False), views)
    generator = Generator().manual_seed(0)
    order = torch.randperm(BATCH, generator=generator)
    feeder = their_feeder(checkout, dense)
    theirs, ours, without = in_turns(
        lambda: default_collate([feeder[i] for i in order.tolist()]),
        lambda: raw(store.gather(order), generator),
        lambda: plain(prepared.gather(order), generator),
        rounds=effort.rounds,
    )
    return Result.of_seconds(theirs, ours), Result.of_seconds(theirs, without)


def their_feeder(checkout: Path, clips: np.ndarray) -> "Dataset[object]":
    """The authors' feeder on clips (N, C, T, V, M), which it reads from files."""
    with importing(checkout), tempfile.TemporaryDirectory() as folder:
        data, labels = Path(folder) / "clips.npy", Path(folder) / "labels.pkl"
        np.save(data, clips)
        labels.write_bytes(pickle.dumps(([str(i) for i in range(len(clips))], [0] * len(clips))))
        module = importlib.import_module("feeder.ntu_feeder")
        return module.Feeder_triple(str(data), str(labels), mmap=False)


SUBJECT = Subject(
    goals=(
        Goal(f"contrastive feeder, four views, batch of {BATCH}, ours from raw clips", 4, 5.5),
        Goal("the same from prepared clips, as the original has them"),
    ),
    measure=measure,
    needs="actclr",
)
