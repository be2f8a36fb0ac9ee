"""FeatureBank: frozen features of some clips, extracted once and read by every protocol."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from kineme.clip_source import ClipSource
from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.errors import RunError
from kineme.evaluate.config import FeatureConfig
from kineme.evaluate.pooling import pools
from kineme.store import SkeletonStore
from kineme.train.run_dir import write_atomically
from kineme.transforms.base import Pipeline
from kineme.transforms.pipeline import Augmentation, Dense, Preparation, eval_pipeline, train_pipeline

OnClips = Callable[[int, int], None]
"""Told (done, total) clips while features are extracted."""


@dataclass(frozen=True)
class FeatureBank:
    """Features of N clips and what is known about them.

    Args:
        views: (W, N, D) float32; the first view as evaluation sees the clips, further ones augmented.
        ids: (N,) clip ids.
        labels: (N,) int64.
        subjects: (N,) int64, -1 where unknown.
        classes: class names.
    """

    views: Tensor
    ids: np.ndarray
    labels: Tensor
    subjects: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def features(self) -> Tensor:
        """(N, D) features of the clips as evaluation sees them."""
        return self.views[0]

    @classmethod
    def of(cls, views: Tensor, store: SkeletonStore, index: np.ndarray) -> "FeatureBank":
        """Bank of the store's clips at ``index`` (N,) with their features."""
        clips = store.clips[index]
        labels, subjects = (torch.from_numpy(clips[name].astype(np.int64)) for name in ("label", "subject"))
        return cls(views, clips["id"], labels, subjects, store.classes)

    def save(self, file: Path, key: str = "") -> None:
        """Write to a safetensors file, with a ``key`` that says what the features were made from."""
        tensors = {"views": self.views.contiguous(), "labels": self.labels, "subjects": self.subjects}
        text = {"ids": json.dumps(self.ids.tolist()), "classes": json.dumps(self.classes), "key": key}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, save(tensors, metadata=text))

    @classmethod
    def load(cls, file: Path) -> "FeatureBank":
        """Bank in a file.

        Raises:
            RunError: no such file, or not a feature bank.
        """
        try:
            with safe_open(file, framework="pt") as content:
                text = content.metadata() or {}
                views, labels, subjects = (content.get_tensor(name) for name in ("views", "labels", "subjects"))
                ids, classes = json.loads(text["ids"]), json.loads(text["classes"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise RunError(f"{file}: not a feature bank ({error}); remove it and evaluate again") from error
        return cls(views, np.array(ids), labels, subjects, tuple(classes))

    @staticmethod
    def key(file: Path) -> str | None:
        """Key that a bank was saved with; None where there is no readable bank."""
        try:
            with safe_open(file, framework="pt") as content:
                return (content.metadata() or {}).get("key")
        except (SafetensorError, OSError):
            return None


def extract(
    encoder: Encoder,
    store: SkeletonStore,
    index: np.ndarray,
    prepare: Preparation,
    features: FeatureConfig,
    *,
    augment: Augmentation | None = None,
    corruption: Dense | None = None,
    views: int = 1,
    batch_size: int = 128,
    device: torch.device | str = "cpu",
    seed: int = 0,
    on_clips: OnClips = lambda done, total: None,
) -> Tensor:
    """Pooled features of clips, without training anything.

    Args:
        encoder: network; left as it was, but on ``device``.
        store: clips.
        index: (N,) positions of the wanted clips.
        prepare: how clips reach the encoder.
        features: pooling.
        augment: how views after the first are made; they are like the first where None.
        corruption: what clips suffer first, in all views.
        views: W.
        batch_size: clips per forward pass.
        device: where to compute.
        seed: of the augmented views.
        on_clips: told about progress.

    Returns:
        (W, N, D) float32 on the CPU.
    """
    pipelines = [eval_pipeline(prepare, corruption)]
    pipelines += [train_pipeline(prepare, augment, corruption) if augment else pipelines[0]] * (views - 1)
    source = ClipSource(store, device)
    generator = torch.Generator().manual_seed(seed)
    batches = np.array_split(index, range(batch_size, len(index), batch_size))

    def one_view(number: int, pipeline: Pipeline) -> Tensor:
        rows = []
        for i, batch in enumerate(batches):
            clips = pipeline(source.gather(batch), generator)
            rows.append(pools[features.pool](encoder.features(clips)).float().cpu())
            on_clips(number * len(index) + min((i + 1) * batch_size, len(index)), views * len(index))
        return torch.cat(rows)

    with torch.inference_mode(), evaluating(encoder.to(device)):
        stacked = torch.stack([one_view(number, pipeline) for number, pipeline in enumerate(pipelines)])
    # A copy made outside inference mode is an ordinary tensor, which probes may train on.
    return stacked.clone()


def eval_batches(
    store: SkeletonStore,
    index: np.ndarray,
    prepare: Preparation,
    device: torch.device | str,
    batch_size: int = 128,
    corruption: Dense | None = None,
) -> Iterator[ClipBatch]:
    """Clips at ``index`` (N,) as evaluation sees them, some at a time, on a device."""
    pipeline, generator = eval_pipeline(prepare, corruption), torch.Generator()
    source = ClipSource(store, device)
    for batch in np.array_split(index, range(batch_size, len(index), batch_size)):
        yield pipeline(source.gather(batch), generator)


@contextmanager
def evaluating(network: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode, and afterwards every submodule back in the mode it was in."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
