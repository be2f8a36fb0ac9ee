"""Fine-tuning: the whole network is trained on labels, all of them or a share, once or several times (spec-masked §4).

The network after the last epoch is the result. The epoch that the test clips like best, which is what papers report,
stands beside it, and so does the same network trained from scratch.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

from kineme.evaluate.classify import EpochPredictions, predict
from kineme.evaluate.controls import coordinate_1nn, coordinate_features
from kineme.evaluate.predictions import save_predictions
from kineme.evaluate.protocols import Candidates
from kineme.evaluate.result import Counts, Result, Score, Scores
from kineme.evaluate.seen import count_seen
from kineme.evaluate.select import Selection, accuracy, best_candidate, score
from kineme.evaluate.sides import Sides, labelled_sides, result_on
from kineme.methods import Classifier, Method
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.clips import training_clips
from kineme.train.config import Start
from kineme.train.loop import OnStep, fit
from kineme.train.run_dir import RunDir

VERSION = 1
NOT_ASKED = "takes a second training without the validation subjects; ask for it with --best-val"


@dataclass(frozen=True)
class Training:
    """How trainings are run and shown.

    Args:
        resume: go on with what is there.
        accelerator: "auto", "cpu", "cuda" or "mps".
        devices: how many.
        display: shows a training, given what it is.
    """

    resume: bool = False
    accelerator: str = "auto"
    devices: int = 1
    display: Callable[[str], AbstractContextManager[OnStep]] = lambda title: nullcontext(lambda report: None)


def from_scratch(config: RunConfig) -> RunConfig:
    """The control: the same training of the same network without pretrained weights, all layers at one rate."""
    return config.with_changes(recipe="", start=Start(), train=config.train.with_changes(layer_decay=1.0))


def protocol_name(config: RunConfig) -> str:
    """``finetune``, or ``semi10`` for a tenth of the labels."""
    share = config.subset.fraction
    return "finetune" if share == 1 else f"semi{100 * share:g}"


def finetune(
    config: RunConfig,
    store: SkeletonStore,
    out: str | Path,
    *,
    repeats: int = 1,
    best_val: bool = False,
    controls: bool = True,
    scratch: str | Path | None = None,
    training: Training | None = None,
) -> Result:
    """Train a classifier, measure it on the test clips, and keep everything in a folder.

    Every repeat has its own seed, of the training and of the labelled share, whatever the number of processes. The
    result is the mean over repeats. Test clips that the weights were pretrained on are announced (as a logged warning).

    Args:
        config: a supervised run.
        store: labelled clips in the configured layout.
        out: folder for the runs (``seed-0``, ``scratch-seed-0``) and the result.
        repeats: how often, with seeds from ``config.train.seed`` on.
        best_val: find the best epoch on validation subjects, by a training without them.
        controls: train from scratch too, and measure coordinate 1-NN on the same labels.
        scratch: folder for the runs from scratch; ``out`` where None. Encoders that differ by their weights alone can
            share it, and with it the control, when trainings are resumed.
        training: where and how to train.

    Raises:
        ConfigError: parts of the configuration that do not fit together, or no split.
        StoreError: no labels.
        SplitError: the store cannot provide the split, or no validation subjects.
        RunError: runs that are there already, or weights that do not fit.
    """
    out, training = Path(out), training or Training()
    seeds = range(config.train.seed, config.train.seed + repeats)
    all_repeats = [_Repeat(with_seed(config, seed), store, best_val, training) for seed in seeds]
    first = all_repeats[0]
    seen = _seen(config, first.sides)
    tuned = [each.scores(each.config, out / f"seed-{each.seed}", "fine-tuning") for each in all_repeats]
    beside = Path(scratch or out)
    untrained = [
        each.scores(from_scratch(each.config), beside / f"scratch-seed-{each.seed}", "from scratch")[0]
        for each in all_repeats
        if controls
    ]
    nearest = [each.coordinate_1nn() for each in all_repeats if controls]
    result = result_on(
        first.sides,
        str(out),
        config,
        protocol=f"{protocol_name(config)}@{VERSION}",
        seed=first.seed,
        counts=first.counts,
        metrics=mean_scores([scores for scores, _ in tuned]),
        untrained=mean_scores(untrained) if untrained else None,
        coordinate_1nn=mean_score(nearest) if nearest else None,
        seen=seen,
    )
    if _is_first_process():
        save_predictions(result.save(out), first.sides, *(candidates for _, candidates in tuned))
    return result


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """The training with a seed of its own for everything random."""
    return config.with_changes(
        train=config.train.with_changes(seed=seed),
        subset=config.subset.with_changes(seed=seed),
    )


@dataclass(frozen=True)
class _Repeat:
    """One of several trainings that differ by their seed."""

    config: RunConfig
    store: SkeletonStore
    best_val: bool
    training: Training

    @property
    def seed(self) -> int:
        return self.config.train.seed

    @cached_property
    def sides(self) -> Sides:
        return labelled_sides(self.store, self.config.split, self.seed)

    @cached_property
    def labelled(self) -> np.ndarray:
        """Clips that are trained on."""
        return training_clips(self.config, self.store)

    @property
    def counts(self) -> Counts:
        held_out = self.sides.counts.validation if self.best_val else 0
        return self.sides.counts.with_changes(train=len(self.labelled), validation=held_out)

    def scores(self, config: RunConfig, out: Path, what: str) -> tuple[Scores, Candidates]:
        """Predictions of one training for the test clips, and what they score; another training before it chooses the
        epoch if asked for."""
        title = f"{what}, seed {self.seed}"
        chosen, why_not = None, NOT_ASKED
        if self.best_val:
            chosen, why_not = self._best_epoch(config, out.with_name(f"{out.name}-validation"), title)
        candidates = _train(config, self.store, self.sides.test, out, self.training, title)
        selection = Selection(candidates, chosen, why_not)
        return score(selection, self.sides.test_labels, len(self.store.classes)), candidates

    def _best_epoch(self, config: RunConfig, out: Path, title: str) -> tuple[int | None, str]:
        """The epoch that validation subjects prefer, or why there is none."""
        sides = self.sides
        if sides.held_out is None:
            return None, sides.why_not
        inner = config.with_changes(subset=config.subset.with_changes(hold_out=True))
        queries = sides.train[sides.held_out.numpy()]
        candidates = _train(inner, self.store, queries, out, self.training, f"{title}, to choose the epoch")
        return best_candidate(candidates, sides.train_labels[sides.held_out]), ""

    def coordinate_1nn(self) -> Score:
        """Nearest neighbours in coordinates with the same labels."""
        labels = torch.from_numpy(self.store.labels[self.labelled].astype(np.int64))
        train, test = (coordinate_features(self.store, clips) for clips in (self.labelled, self.sides.test))
        predictions = coordinate_1nn(train, labels, test)
        return accuracy(predictions, self.sides.test_labels, "1-NN", "nearest in aligned coordinates")


def _train(
    config: RunConfig, store: SkeletonStore, queries: np.ndarray, out: Path, training: Training, title: str
) -> Candidates:
    """Train a run, and predict the queries after every epoch."""
    kept = EpochPredictions(out / "predictions.npy")

    def on_epoch(epoch: int, method: Method) -> None:
        assert isinstance(method, Classifier)
        kept.keep(epoch, predict(method, store, queries, config.prepare))

    with training.display(title) as on_step:
        fit(
            config,
            store,
            out,
            resume=training.resume and (out / "run.json").exists(),
            accelerator=training.accelerator,
            devices=training.devices,
            on_step=on_step,
            on_epoch=on_epoch,
        )
    epochs = min(config.train.stop_epoch or config.train.epochs, config.train.epochs)
    names = tuple(f"epoch {epoch + 1}" for epoch in range(epochs))
    return Candidates(names, kept.load(epochs), default=epochs - 1)


def _seen(config: RunConfig, sides: Sides) -> int | None:
    """Test clips that the weights at the start were trained on; see `count_seen`."""
    weights = config.start.weights
    if weights is None:
        return 0
    return count_seen(sides, RunDir.open(weights)) if (Path(weights) / "run.json").is_file() else None


def mean_score(scores: Sequence[Score]) -> Score:
    """Mean over repeats, of the accuracy and of the ends of its interval."""
    names = dict.fromkeys(one.candidate for one in scores)
    return Score(
        accuracy=mean(one.accuracy for one in scores),
        low=mean(one.low for one in scores),
        high=mean(one.high for one in scores),
        candidate=", ".join(names),
        rule=scores[0].rule,
    )


def mean_scores(repeats: Sequence[Scores]) -> Scores:
    """Mean over repeats, confusions summed; their standard deviation and number beside it where there are several."""
    last = [one.last for one in repeats]
    validated = [one.best_val for one in repeats if one.best_val is not None]
    confusion = np.sum([one.confusion for one in repeats], axis=0)
    spread = {"deviation over repeats": stdev(one.accuracy for one in last)} if len(repeats) > 1 else {}
    return Scores(
        last=mean_score(last),
        best_val=mean_score(validated) if len(validated) == len(repeats) else None,
        why_no_best_val=repeats[0].why_no_best_val,
        best_test=mean_score([one.best_test for one in repeats]),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        extra=spread,
    )


def _is_first_process() -> bool:
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_rank() == 0
