"""Feature banks of a run, kept in its folder so that four protocols extract once."""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import numpy as np
import torch

import kineme
from kineme.evaluate.bank import FeatureBank, extract
from kineme.evaluate.config import FeatureConfig
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

OnProgress = Callable[[str, int, int], None]
"""Told (what, done, total)."""

Weights = Literal["trained", "untrained"]
Side = Literal["train", "test"]


class FeatureCache:
    """Features of a run's encoder on one store, extracted when they are first asked for.

    A bank on disk is used only where the digest of everything it depends on is the same: weights, configuration,
    the store's content, clips, pooling and views.

    Args:
        run: whose encoder.
        store: clips.
        features: pooling and views.
        seed: of augmented views.
        device: where to compute.
        progress: told what is being extracted.
    """

    def __init__(
        self,
        run: RunDir,
        store: SkeletonStore,
        features: FeatureConfig,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        progress: OnProgress = lambda what, done, total: None,
    ) -> None:
        self.run, self.store, self.features = run, store, features
        self.seed, self.device, self.progress = seed, device, progress

    def get(self, weights: Weights, side: Side, index: np.ndarray) -> FeatureBank:
        """Bank of the clips at ``index`` (N,), with all views where they are needed.

        Raises:
            RunError: the run has no weights.
        """
        file = self.run.path / "features" / f"{weights}-{side}.safetensors"
        views = self.features.views if side == "train" or self.features.average else 1
        key = self._key(weights, index, views)
        if FeatureBank.key(file) == key:
            return FeatureBank.load(file)
        method = self.run.load_method() if weights == "trained" else self.run.untrained()
        rows = extract(
            method.encoder,
            self.store,
            index,
            self.run.config.prepare,
            self.features,
            augment=self.run.config.mildest,
            views=views,
            device=self.device,
            seed=self.seed,
            on_clips=lambda done, total: self.progress(f"{weights} features of {side} clips", done, total),
        )
        bank = FeatureBank.of(rows, self.store, index)
        bank.save(file, key)
        return bank

    def _key(self, weights: Weights, index: np.ndarray, views: int) -> str:
        settings = {
            "kineme": kineme.__version__,
            "config": self.run.config.model_dump(mode="json"),
            "pool": self.features.pool,
            "views": views,
            "seed": self.seed if views > 1 else None,
        }
        parts = [json.dumps(settings).encode(), index.tobytes(), self._store_digest]
        file = self.run.path / "weights.safetensors"
        if weights == "trained" and file.exists():
            parts.append(file.read_bytes())
        return _digest(*parts).hex()

    @cached_property
    def _store_digest(self) -> bytes:
        return store_digest(self.store)


def store_digest(store: SkeletonStore) -> bytes:
    """Digest of a store's whole content; as fast as the store can be read."""
    rows = store.gather([])
    arrays = (store.clips, rows.xyz.cpu().numpy(), rows.present.cpu().numpy())
    shape = [store.layout.to_dict(), store.classes, store.channels]
    return _digest(json.dumps(shape).encode(), *(np.ascontiguousarray(array).view(np.uint8).data for array in arrays))


def _digest(*parts: bytes | memoryview) -> bytes:
    """Digest of several parts, each by itself, so that none can pass for a piece of its neighbour."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
