"""From a store to training batches of 256 clips, beside the feeder of MAMP: crop, resize, rotation.

Before anything is timed, clips are compared for the same crops and angles. Batches of the original are what its data
loader makes of single clips, in the same process.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import default_collate

from benchmarks.clips import BODIES, padded, random_clips
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.timing import in_turns
from kineme.store import SkeletonStore
from kineme.transforms import Augmentation, Preparation, train_pipeline

WINDOW, BATCH, CHECKED = 120, 256, 8
KEEP = Augmentation().keep
RNG = np.random.default_rng(0)


def their_feeder(checkout: Path, dense: np.ndarray) -> Any:
    """The authors' feeder with the settings of their configuration, on clips (N, T, M, V, C)."""
    with importing(checkout), tempfile.TemporaryDirectory() as folder:
        from feeder.feeder_ntu import Feeder  # pyright: ignore[reportMissingImports]

        file = Path(folder) / "clips.npz"
        np.savez(file, x_train=dense.reshape(*dense.shape[:2], -1), y_train=np.ones((len(dense), 1)))
        return Feeder(str(file), p_interval=list(KEEP), random_rot=True, window_size=WINDOW, use_mmap=False)


def their_batch(feeder: Any, index: Tensor, draw: Callable[[], float] = RNG.random) -> Tensor:
    """(B, C, T, V, M), of crops as long as draws from U(0, 1) say."""
    # They make an integer of an array of one number, which NumPy does no longer.
    with patch("numpy.random.rand", lambda *size: draw()):
        return default_collate([feeder[i] for i in index.tolist()])[0]


def check(feeder: Any, store: SkeletonStore) -> None:
    """Stop unless both make the same of the first clips for the same crops and angles."""
    pipeline, generator = our_pipeline(), Generator().manual_seed(1)
    (rotation,) = pipeline.dense
    first = store.gather(range(CHECKED))
    draws = dict(pipeline.frames.sample(first, generator))
    crop = pipeline.frames.apply(first, draws)
    draws |= rotation.sample(crop, generator)
    ours = rotation.apply(crop, draws).xyz.permute(0, 4, 2, 3, 1)
    for i in range(CHECKED):
        share = (draws["length"][i].item() + 0.5) / store.clips["length"][i]
        with (
            patch("numpy.random.randint", lambda *ends, i=i: draws["start"][i].item()),
            patch.object(Tensor, "uniform_", lambda tensor, *ends, i=i: draws["angles"][i]),
        ):
            theirs = their_batch(feeder, torch.tensor([i]), lambda s=share: (s - KEEP[0]) / (KEEP[1] - KEEP[0]))
        torch.testing.assert_close(ours[i], theirs[0], rtol=1e-4, atol=1e-5)


def our_pipeline() -> Any:
    """Clips as the original's files hold them, which are centred already."""
    return train_pipeline(Preparation(window=WINDOW, bodies=BODIES, centre=False), Augmentation())


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A batch of each."""
    clips = random_clips(2 * BATCH)
    store, feeder = SkeletonStore.from_arrays(clips, "kinect25"), their_feeder(checkout, padded(clips))
    check(feeder, store)
    pipeline, generator = our_pipeline(), Generator().manual_seed(0)

    def index() -> Tensor:
        return torch.randperm(len(clips), generator=generator)[:BATCH]

    seconds = in_turns(
        lambda: their_batch(feeder, index()),
        lambda: pipeline(store.gather(index()), generator),
        rounds=effort.rounds,
    )
    return (Result.of_seconds(*seconds),)


SUBJECT = Subject((Goal(f"feeder, batch of {BATCH}, torch alone", 4, 6),), measure, needs="mamp")
