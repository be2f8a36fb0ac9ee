"""The two sides of an evaluation: labelled clips to train a probe on, and labelled clips to test it on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kineme.errors import ConfigError, SplitError, StoreError
from kineme.evaluate.result import Counts, Result
from kineme.recipes.base import RunConfig
from kineme.splits import get_split, validation_split
from kineme.store import SkeletonStore


@dataclass(frozen=True)
class Sides:
    """Labelled clips of both sides of a split.

    Args:
        store: their store.
        split: name of the split.
        train, test: (N,) and (Q,) int64 positions, in the order of the clips' ids.
        held_out: (N,) bool, training clips of the subjects that choose settings; None where there are none.
        why_not: reason of that None.
        unlabelled: clips of the split that were left out.
    """

    store: SkeletonStore
    split: str
    train: np.ndarray
    test: np.ndarray
    held_out: Tensor | None
    why_not: str
    unlabelled: int

    @property
    def train_labels(self) -> Tensor:
        """(N,) int64."""
        return torch.from_numpy(self.store.labels[self.train].astype(np.int64))

    @property
    def test_labels(self) -> Tensor:
        """(Q,) int64."""
        return torch.from_numpy(self.store.labels[self.test].astype(np.int64))

    @property
    def majority(self) -> float:
        """Accuracy on the test clips of always answering the most frequent training class; the mean over several that
        are equally frequent."""
        num_classes = len(self.store.classes)
        train, test = (labels.bincount(minlength=num_classes) for labels in (self.train_labels, self.test_labels))
        return float(test[train == train.max()].double().mean() / len(self.test))

    @property
    def counts(self) -> Counts:
        """How many clips take part."""
        held_out = 0 if self.held_out is None else int(self.held_out.sum())
        return Counts(train=len(self.train), validation=held_out, test=len(self.test), unlabelled=self.unlabelled)


def result_on(sides: Sides, run: str, config: RunConfig, **more: Any) -> Result:
    """Result on the two sides of a split, with all that follows from these and from the configuration of the run.

    Args:
        sides: who trains and who tests.
        run: folder of the run.
        config: of the run.
        more: the other fields of `Result`; ``counts`` where they are not those of the sides.
    """
    known = {"classes": sides.store.classes, "counts": sides.counts, "majority": sides.majority}
    return Result(**{**measured_on(sides, run, config), **known, **more})


def measured_on(sides: Sides, run: str, config: RunConfig) -> dict[str, Any]:
    """Fields of `Measured` that follow from the two sides, the folder of the run and its configuration."""
    return {
        "run": run,
        "recipe": config.recipe,
        "method": config.method.name,
        "store": str(sides.store.path or "memory"),
        "split": sides.split,
        "train_seed": config.train.seed,
        "chance": 1 / len(sides.store.classes),
    }


def labelled_sides(store: SkeletonStore, split: str | None, seed: int) -> Sides:
    """Sides of a split, with validation subjects drawn from the training side.

    Clips are in the order of their ids, whatever the store's: probes draw batches by place.

    Raises:
        ConfigError: no split is named.
        StoreError: no labels on one of the sides.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such split.
    """
    if split is None:
        raise ConfigError("the run names no split to evaluate on; choose one: --split NAME")
    everyone = get_split(store, split)
    by_id = (side[np.argsort(store.ids[side])] for side in everyone)
    train, test = (side[store.labels[side] >= 0] for side in by_id)
    for side, name in ((train, "training"), (test, "test")):
        if not len(side):
            raise StoreError(
                f"{store.path or 'the store in memory'}: no labels on the {name} side of {split}, and evaluation "
                f"compares predictions with labels; prepare the store with labels, or evaluate on another"
            )
    unlabelled = sum(map(len, everyone)) - len(train) - len(test)
    try:
        _, validation = validation_split(store, train, seed=seed)
    except SplitError as error:
        return Sides(store, split, train, test, None, str(error), unlabelled)
    held_out = torch.from_numpy(np.isin(train, validation))
    return Sides(store, split, train, test, held_out, "", unlabelled)
