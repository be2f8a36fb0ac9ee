"""Accuracy of a trained classifier by its own head: what supervised training is measured by (spec-danet §2.2, §6)."""

import csv
import io

import numpy as np
import torch
from torch import Tensor

from kineme.clip_source import resident
from kineme.errors import RunError, StoreError
from kineme.evaluate import calibration
from kineme.evaluate.cache import OnProgress
from kineme.evaluate.class_scores import ClassScores
from kineme.evaluate.classify import logits_of, window_logits
from kineme.evaluate.config import ClassifyConfig
from kineme.evaluate.evaluate import coordinate_control
from kineme.evaluate.figure_text import LOSS
from kineme.evaluate.predictions import save_predictions
from kineme.evaluate.protocols import Candidates
from kineme.evaluate.result import Result, Scores
from kineme.evaluate.seen import count_seen, own_clips, own_training, seen_text
from kineme.evaluate.select import Selection, score
from kineme.evaluate.sides import Sides, labelled_sides, result_on
from kineme.evaluate.windows import Windows
from kineme.methods import Classifier, ClassifierConfig
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir, write_atomically
from kineme.transforms.pipeline import Preparation

NAME = "classify"
VERSION = 1
TOP = 5
CLIPS_AT_ONCE = 1024
NOTHING_TO_CHOOSE = "the classifier is taken as its training left it"


def evaluate_classifier(
    run: RunDir,
    store: SkeletonStore,
    *,
    split: str | None = None,
    classify: ClassifyConfig | None = None,
    controls: bool = True,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> Result:
    """Measure a trained classifier on test clips, and keep the result in the run's folder.

    Beside the accuracy stand top-5 (of more than five classes), the mean accuracy over classes, the mean loss and the
    calibration error. ``results/classify.csv`` has the accuracy of every class, ``predictions/classify.npz`` logarithms
    of probabilities, clip by clip. An untrained twin would know nothing of the classes, so there is none.

    Args:
        run: of a method that learns classes.
        store: labelled clips in the run's layout, of the classes that it was trained on.
        split: whose test clips; the run's own where None.
        classify: how test clips are looked at; the run's own where None.
        controls: measure coordinate 1-NN too.
        device: where to compute.
        progress: told what is being done.

    Raises:
        RunError: the run is no classifier, has no weights, knows other classes, or was trained on some of the clips.
        LayoutMismatchError: the store has other joints than the run.
        StoreError: no labels on one of the sides, or windows are wanted of clips of unknown frame rate.
        ConfigError: no split to evaluate on.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such split.
    """
    require_classifier(run)
    classify = classify or run.config.classify
    store.require_layout(run.layout)
    sides = labelled_sides(store, split or run.config.split, seed=0)
    scores = head_scores(run, sides, classify, device=device, progress=progress)
    candidates = _candidates(scores, classify)
    result = result_on(
        sides,
        str(run.path),
        run.config,
        protocol=f"{NAME}@{VERSION}",
        seed=0,
        counts=sides.counts.with_changes(train=run.record.num_clips, validation=0),
        metrics=_metrics(candidates, scores.values, sides.test_labels),
        coordinate_1nn=coordinate_control(sides) if controls else None,
        seen=count_seen(sides, run),
    )
    file = result.save(run.path, run.config.split)
    save_predictions(file, sides, candidates)
    write_atomically(file.with_suffix(".csv"), _per_class(result).encode())
    return result


def require_classifier(run: RunDir) -> None:
    """Check that a run learned classes.

    Raises:
        RunError: it did not; names what measures it, and what makes a classifier of it.
    """
    if not isinstance(run.config.method, ClassifierConfig):
        raise RunError(
            f"{run.path}: {run.config.method.name} learns no classes, so there is no classifier; measure its features "
            f"with: kineme eval linear {run.path} --store STORE, or train a classifier with: "
            f"kineme finetune {run.path} --store STORE"
        )


def head_scores(
    run: RunDir,
    sides: Sides,
    classify: ClassifyConfig,
    *,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> ClassScores:
    """Logarithms of the probabilities that a trained classifier gives to the classes of the test clips.

    Raises:
        RunError: the run is no classifier, has no weights, knows other classes, or was trained on some of the clips.
        StoreError: windows are wanted of clips of unknown frame rate.
    """
    require_classifier(run)
    _require_classes(run, sides.store)
    _require_unseen(run, sides)
    method = run.load_method(device)
    assert isinstance(method, Classifier)
    index, prepare = sides.test, run.config.prepare
    source, values = resident(sides.store, device), []
    for chunk in np.array_split(index, range(CLIPS_AT_ONCE, len(index), CLIPS_AT_ONCE)):
        values.append(log_probabilities(method, source, chunk, prepare, classify))
        progress("classes of test clips", sum(map(len, values)), len(index))
    ids = tuple(sides.store.ids[index].tolist())
    return ClassScores(str(run.path), sides.split, sides.store.classes, ids, torch.cat(values))


def log_probabilities(
    method: Classifier, store: SkeletonStore, index: np.ndarray, prepare: Preparation, classify: ClassifyConfig
) -> Tensor:
    """(Q, K) float64, on the CPU, for the clips at ``index`` (Q,); of windows, the probabilities are averaged."""
    if classify.window_seconds is None:
        return logits_of(method, store, index, prepare).double().log_softmax(dim=1)
    windows = _windows(store, index, classify.window_seconds)
    probabilities = window_logits(method, store, index, prepare, windows).double().softmax(dim=1)
    clip = torch.from_numpy(windows.clip)
    total = probabilities.new_zeros(len(index), probabilities.shape[1]).index_add(0, clip, probabilities)
    smallest = torch.finfo(total.dtype).tiny
    return (total / clip.bincount()[:, None]).clamp_min(smallest).log()


def _windows(store: SkeletonStore, index: np.ndarray, seconds: float) -> Windows:
    clips = store.clips[index]
    unknown = clips["id"][clips["fps"] <= 0]
    if len(unknown):
        raise StoreError(
            f"{store.path or 'the store in memory'}: windows of {seconds:g} s take frame rates, and {len(unknown)} "
            f"test clips have none, such as {unknown[0]}; import them with --fps, or evaluate without windows"
        )
    window = np.maximum(np.rint(seconds * clips["fps"]), 1).astype(np.int64)
    return Windows.consecutive(clips["length"].astype(np.int64), window)


def _require_classes(run: RunDir, store: SkeletonStore) -> None:
    method = run.config.method
    assert isinstance(method, ClassifierConfig)
    if method.num_classes != len(store.classes):
        raise RunError(
            f"{run.path} tells {method.num_classes} classes apart, the store has {len(store.classes)}; evaluate it on "
            f"the classes that it was trained on, or train its encoder on these with: kineme finetune {run.path} "
            f"--store {store.path or 'STORE'}"
        )


def _require_unseen(run: RunDir, sides: Sides) -> None:
    """Check that the class of no test clip was learned. Clips of another store than that of the training may have
    their ids only by chance; they are announced, not refused."""
    seen = own_clips(sides, run)
    if seen.any() and run.record.store == str(sides.store.path):
        told = seen_text(own_training(run), sides, seen)
        raise RunError(f"{told}; train it for that split with --split {sides.split}")


def _candidates(scores: ClassScores, classify: ClassifyConfig) -> Candidates:
    """The classifier as the one candidate."""
    seconds, values = classify.window_seconds, scores.values
    name = "last epoch" if seconds is None else f"last epoch, windows of {seconds:g} s"
    return Candidates((name,), values.argmax(dim=1)[None], default=0, scores=values)


def _metrics(candidates: Candidates, values: Tensor, labels: Tensor) -> Scores:
    """What the test clips' labels (Q,) say about a classifier and its class scores (Q, K)."""
    correct = (candidates.predictions[0] == labels).double()
    extra = {"mean per-class": float(torch.stack([correct[labels == k].mean() for k in labels.unique()]).mean())}
    if values.shape[1] > TOP:
        among = (values.topk(TOP, dim=1).indices == labels[:, None]).any(dim=1)
        extra[f"top-{TOP}"] = float(among.double().mean())
    extra[LOSS] = float(-values.gather(1, labels[:, None]).mean())
    extra[calibration.NAME] = calibration.expected_calibration_error(values, labels)
    return score(Selection(candidates, None, NOTHING_TO_CHOOSE), labels, values.shape[1], extra)


def _per_class(result: Result) -> str:
    """CSV of every class, its test clips and its accuracy; empty where there is no clip."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("class", "clips", "accuracy"))
    confusion, accuracies = result.metrics.confusion, result.metrics.per_class
    for name, row, accuracy in zip(result.classes, confusion, accuracies, strict=True):
        rows.writerow((name, sum(row), "" if accuracy is None else f"{accuracy:.4f}"))
    return text.getvalue()
