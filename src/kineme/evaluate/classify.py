"""Classes that a trained classifier predicts, and how they changed from epoch to epoch."""

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kineme.clip_source import ClipSource
from kineme.errors import RunError
from kineme.evaluate.bank import eval_batches, evaluating
from kineme.evaluate.windows import Windows, cut
from kineme.methods import Classifier
from kineme.store import SkeletonStore
from kineme.train.run_dir import write_atomically
from kineme.transforms.pipeline import Dense, Preparation, eval_pipeline

WINDOWS_AT_ONCE = 128


def logits_of(
    method: Classifier,
    store: SkeletonStore,
    index: np.ndarray,
    prepare: Preparation,
    corruption: Dense | None = None,
) -> Tensor:
    """Class scores (Q, K), on the CPU, of the clips at ``index`` (Q,), computed on the device of the network."""
    device = next(method.parameters()).device
    batches = eval_batches(store, index, prepare, device, corruption=corruption)
    with torch.inference_mode(), evaluating(method):
        return torch.cat([method.logits(batch).float() for batch in batches]).cpu()


def window_logits(
    method: Classifier, store: SkeletonStore, index: np.ndarray, prepare: Preparation, windows: Windows
) -> Tensor:
    """Class scores (W, K), on the CPU, of parts of the clips at ``index`` (Q,); each is prepared as a clip would be."""
    device = next(method.parameters()).device
    pipeline, generator = eval_pipeline(prepare), torch.Generator()
    source = ClipSource(store, device)
    first, frames = (torch.from_numpy(column).to(device) for column in (windows.first, windows.frames))

    def one_batch(batch: np.ndarray) -> Tensor:
        clips = cut(source.gather(index[windows.clip[batch]]), first[batch], frames[batch])
        return method.logits(pipeline(clips, generator)).float()

    batches = np.array_split(np.arange(len(windows)), range(WINDOWS_AT_ONCE, len(windows), WINDOWS_AT_ONCE))
    with torch.inference_mode(), evaluating(method):
        logits = [one_batch(batch) for batch in batches]
    return torch.cat(logits).cpu()


def predict(
    method: Classifier,
    store: SkeletonStore,
    index: np.ndarray,
    prepare: Preparation,
    corruption: Dense | None = None,
) -> Tensor:
    """Classes (Q,) int64 of the clips at ``index`` (Q,); see `logits_of`."""
    return logits_of(method, store, index, prepare, corruption).argmax(dim=1)


class EpochPredictions:
    """Predictions after every epoch of a run, in a file that always holds whole epochs.

    Args:
        file: an ``.npy``; made when the first epoch is kept.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def keep(self, epoch: int, classes: Tensor) -> None:
        """Record classes (Q,) after ``epoch`` epochs; what a stopped run had recorded of later ones is forgotten."""
        before = np.load(self.file)[: epoch - 1] if epoch > 1 else np.empty((0, len(classes)), np.int64)
        buffer = io.BytesIO()
        np.save(buffer, np.concatenate([before, classes.numpy()[None]]))
        write_atomically(self.file, buffer.getvalue())

    def load(self, epochs: int) -> Tensor:
        """Classes (E, Q) int64 of all epochs.

        Raises:
            RunError: not those of ``epochs`` epochs.
        """
        try:
            classes = np.load(self.file)
        except (OSError, ValueError) as error:
            raise RunError(f"{self.file}: no readable predictions ({error}); remove the run and repeat it") from error
        if len(classes) != epochs:
            raise RunError(f"{self.file}: predictions of {len(classes)} epochs, expected {epochs}; --resume the run")
        return torch.from_numpy(classes)
