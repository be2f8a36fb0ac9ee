"""One recipe on every split of a family: the mean that cross-view and leave-one-out protocols report."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch

from kineme.config import Config
from kineme.errors import ConfigError
from kineme.evaluate import classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.protocols import protocols
from kineme.evaluate.result import Result, Share
from kineme.methods import ClassifierConfig
from kineme.recipes.base import RunConfig
from kineme.splits import SPLITS, Split, get_family, get_split
from kineme.store import SkeletonStore
from kineme.train.loop import OnStep, fit
from kineme.train.run_dir import RunDir, write_atomically

FILE = "folds.json"


class Folds(Config):
    """Results on all splits of a family, in its order."""

    family: str
    mean: Share
    """Of the accuracies of ``last``."""
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Matrix:
    """Accuracies by the views that were trained on and the view that was tested.

    Args:
        rows: training views of every row, such as "1, 2".
        columns: test view of every column.
        cells: accuracy by row and column; not every pair needs to be there.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], float]


def evaluate_folds(
    config: RunConfig,
    store: SkeletonStore,
    family: str,
    out: str | Path,
    *,
    protocol: str | None = None,
    controls: bool = True,
    resume: bool = False,
    accelerator: str = "auto",
    device: torch.device | str = "cpu",
    display: Callable[[str], AbstractContextManager[OnStep]] = lambda title: nullcontext(lambda report: None),
    on_result: Callable[[Result], None] = lambda result: None,
) -> Folds:
    """Train and evaluate a run on every split of a family, and keep everything in a folder.

    Splits with the same training clips share one training, in the folder of the first of them.

    Args:
        config: the run; its split is replaced.
        store: labelled clips.
        family: a key of `kineme.splits.FAMILIES`.
        out: folder for the runs and ``folds.json``.
        protocol: "classify", or one of those on frozen features; "classify" for methods that learn classes and
            "linear" for all others where None.
        controls: measure what the protocol has to compare with.
        resume: go on with the runs that are there.
        accelerator: where to train: "auto", "cpu", "cuda" or "mps".
        device: where to evaluate.
        display: shows a training, given its title.
        on_result: told the result on a split as soon as it is there.

    Raises:
        ConfigError: a protocol that does not fit the method, or parts of the configuration that do not fit together.
        UnknownNameError: no such family or protocol.
        SplitError: the store cannot provide one of the splits.
        StoreError: no labels on one of the sides.
        RunError: runs that are there already, and what `fit` and the evaluation raise.
    """
    out, protocol = Path(out), _protocol(config, protocol)
    splits = get_family(family)
    results: dict[str, Result] = {}
    for training in _trainings(store, splits):
        own = config.with_changes(split=training[0])
        run = _trained(own, store, out / training[0], resume, accelerator, display)
        for split in training:
            results[split] = _evaluated(run, store, protocol, split, controls, device)
            on_result(results[split])
    in_order = tuple(results[split] for split in splits)
    folds = Folds(family=family, mean=mean(each.metrics.last.accuracy for each in in_order), results=in_order)
    write_atomically(out / FILE, folds.model_dump_json(indent=1).encode())
    return folds


def view_matrix(folds: Folds) -> Matrix | None:
    """Accuracies by training views and test view; None where splits do not go by cameras, or test several at once."""
    splits = [SPLITS[each.split] for each in folds.results]
    views = [split for split in splits if isinstance(split, Split) and split.field == "camera" and len(split.test) == 1]
    if len(views) < len(splits):
        return None
    pairs = [(", ".join(map(str, split.train)), str(split.test[0])) for split in views]
    accuracies = [each.metrics.last.accuracy for each in folds.results]
    rows, columns = (tuple(sorted(set(names))) for names in zip(*pairs, strict=True))
    return Matrix(rows, columns, dict(zip(pairs, accuracies, strict=True)))


def _protocol(config: RunConfig, protocol: str | None) -> str:
    """Protocol that is meant, if it fits the method."""
    learns_classes = isinstance(config.method, ClassifierConfig)
    if protocol == classifier.NAME and not learns_classes:
        raise ConfigError(
            f"{config.method.name} learns no classes, so there is no classifier; choose --protocol linear or knn"
        )
    chosen = protocol or (classifier.NAME if learns_classes else "linear")
    if chosen != classifier.NAME:
        protocols.get(chosen)  # an unknown one is refused before anything is trained
    return chosen


def _trainings(store: SkeletonStore, splits: Sequence[str]) -> list[list[str]]:
    """Splits by their training clips."""
    trainings: dict[bytes, list[str]] = defaultdict(list)
    for split in splits:
        train, _ = get_split(store, split)
        trainings[train.tobytes()].append(split)
    return list(trainings.values())


def _trained(
    config: RunConfig,
    store: SkeletonStore,
    out: Path,
    resume: bool,
    accelerator: str,
    display: Callable[[str], AbstractContextManager[OnStep]],
) -> RunDir:
    with display(f"training {config.split}") as on_step:
        there = resume and (out / "run.json").exists()
        return fit(config, store, out, resume=there, accelerator=accelerator, on_step=on_step)


def _evaluated(
    run: RunDir, store: SkeletonStore, protocol: str, split: str, controls: bool, device: torch.device | str
) -> Result:
    if protocol == classifier.NAME:
        return classifier.evaluate_classifier(run, store, split=split, controls=controls, device=device)
    return evaluate(run, store, protocol, split=split, controls=controls, device=device)
