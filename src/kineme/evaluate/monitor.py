"""How an encoder does while it is pretrained: nearest neighbours among the training clips (spec-contrastive §11).

The clips of held-out subjects are classified by those of all others. No test clip takes part, so that whoever stops a
pretraining by these figures, or chooses between settings, has not looked at the test side.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kineme.clips import ClipBatch
from kineme.errors import SplitError, StoreError
from kineme.evaluate.bank import eval_batches, evaluating
from kineme.evaluate.config import NeighbourConfig
from kineme.evaluate.pooling import pools
from kineme.evaluate.protocols import Settings, Task, protocols
from kineme.methods import Method
from kineme.methods.momentum_contrast import MomentumContrast
from kineme.recipes.base import RunConfig
from kineme.splits import get_split, validation_split
from kineme.store import SkeletonStore
from kineme.train.run_dir import write_atomically

NEIGHBOURS = NeighbourConfig(neighbours=(10, 20, 40), default=10, temperature=0.1)
WITHOUT = "leave --monitor out to pretrain without looking"


class Monitor:
    """Told of every epoch by `kineme.train.loop.fit`, it measures the encoder after some and keeps what it finds.

    Every line of ``monitor.jsonl`` holds an epoch and the accuracy with each number of neighbours. Clips are seen as
    evaluation sees them. Of a contrastive method, neighbours are found among its queries; of all others, among pooled
    features.

    Args:
        config: the run.
        store: its clips.
        out: folder of the run.
        every: epochs from one look to the next.

    Raises:
        SplitError: the store cannot provide the split, or no subject can be held out.
        StoreError: the training clips have no labels.
    """

    def __init__(self, config: RunConfig, store: SkeletonStore, out: Path, every: int) -> None:
        self.config, self.store, self.every = config, store, every
        self.file = out / "monitor.jsonl"
        self.known, self.queries = monitored_clips(config, store)
        self.lines: list[dict[str, float]] = []

    def __call__(self, epoch: int, method: Method) -> None:
        """Measure after ``epoch`` epochs, if it is time; what a stopped run had found later is forgotten."""
        self.lines = [line for line in read_monitor(self.file) if line["epoch"] < epoch]
        if epoch % self.every == 0:
            self.lines.append({"epoch": epoch, **self.accuracies(method)})
        write_atomically(self.file, "".join(json.dumps(line) + "\n" for line in self.lines).encode())

    @torch.inference_mode()
    def accuracies(self, method: Method) -> dict[str, float]:
        """Share of the queries that neighbours classify rightly, by their number; the method stays as it is."""
        known, queries = (self.vectors(method, index) for index in (self.known, self.queries))
        labels, wanted = (self.labels(index) for index in (self.known, self.queries))
        contrast = isinstance(method, MomentumContrast)
        settings = Settings(knn=NEIGHBOURS, standardise=self.config.features.standardise and not contrast)
        task = Task(known[None], labels.to(known.device), queries, len(self.store.classes), settings)
        candidates = protocols.get("knn")().candidates(task)
        right = (candidates.predictions == wanted).double().mean(dim=1)
        return dict(zip(candidates.names, right.tolist(), strict=True))

    def vectors(self, method: Method, index: np.ndarray) -> Tensor:
        """One vector (N, D) for each of the clips at ``index`` (N,)."""
        device = next(method.parameters()).device
        with evaluating(method):
            batches = eval_batches(self.store, index, self.config.prepare, device)
            rows = [self.represent(method, batch) for batch in batches]
        return torch.cat(rows)

    def represent(self, method: Method, batch: ClipBatch) -> Tensor:
        """Queries (B, D') of a contrastive method, pooled features (B, D) of any other."""
        features = method.encoder.features(batch)
        if isinstance(method, MomentumContrast):
            return method.query(features)
        return pools[self.config.features.pool](features)

    def labels(self, index: np.ndarray) -> Tensor:
        """(N,) int64."""
        return torch.from_numpy(self.store.labels[index].astype(np.int64))

    @property
    def note(self) -> str:
        """The last line, for a progress display; empty before the first."""
        if not self.lines:
            return ""
        epoch, *accuracies = self.lines[-1].values()
        return f"kNN {' / '.join(f'{100 * value:.1f}' for value in accuracies)} % at {epoch:.0f}"


def read_monitor(file: Path) -> list[dict[str, float]]:
    """Lines of a ``monitor.jsonl``, oldest first; none where there is no such file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def monitored_clips(config: RunConfig, store: SkeletonStore) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the labelled training clips whose classes are known, and of those of held-out subjects.

    They are divided as an evaluation on the run's split would divide them, whatever share of the clips is trained on.

    Raises:
        SplitError: the store cannot provide the split, or no subject can be held out.
        StoreError: the training clips have no labels.
    """
    clips = np.arange(len(store)) if config.split is None else get_split(store, config.split)[0]
    labelled = clips[store.labels[clips] >= 0]
    if not len(labelled):
        raise StoreError(
            f"{store.path or 'the store in memory'}: monitoring compares classes, and none of the {len(clips)} "
            f"training clips has a label; prepare or import the store with labels, or {WITHOUT}"
        )
    try:
        return validation_split(store, labelled, seed=config.subset.seed)
    except SplitError as error:
        raise SplitError(f"monitoring takes subjects to hold out: {error}; or {WITHOUT}") from None
