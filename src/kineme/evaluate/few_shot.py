"""Few-shot: frozen features, k labelled clips of each class, the nearest class mean (Snell et al., NeurIPS 2017)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.errors import ConfigError
from kineme.evaluate.cache import FeatureCache, OnProgress
from kineme.evaluate.config import FeatureConfig
from kineme.evaluate.controls import coordinate_features
from kineme.evaluate.evaluate import announced_health, probe_task
from kineme.evaluate.intervals import wilson_interval
from kineme.evaluate.protocols.base import compared
from kineme.evaluate.result import Estimate, Measured, Share
from kineme.evaluate.seen import count_seen
from kineme.evaluate.sides import Sides, labelled_sides, measured_on
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

VERSION = 1
FOLDER = "few_shot"
SHOTS = (1, 5, 10)
DRAWS = 100
ENDS = (0.025, 0.975)
NUMBERS_AT_ONCE = 2**26
"""Of class means and similarities that are held at a time."""


class FewShotScore(Estimate):
    """Accuracy from so many clips of every class: the mean over draws, also of the ends of Wilson's interval."""

    shots: int
    """k."""
    worst: Share
    """Ends of the range that 95 % of the draws are in."""
    best: Share


class FewShot(Measured):
    """Few-shot classification by one run's frozen features."""

    protocol: str = f"few-shot@{VERSION}"
    """Name and version."""
    features: FeatureConfig
    """Pooling and scaling."""
    draws: int
    clips: int
    """Test clips."""
    scarce: dict[str, int]
    """Classes with fewer training clips than the largest k, and how many: all of them are used."""
    seen: int | None = None
    """Test clips that the weights were trained on (see `kineme.evaluate.seen`); None where that is not known."""
    scores: tuple[FewShotScore, ...]
    """The pretrained encoder, for every k."""
    untrained: tuple[FewShotScore, ...] = ()
    """Control: the same on the encoder before pretraining."""
    coordinates: tuple[FewShotScore, ...] = ()
    """Control: the same on aligned coordinates, no network at all."""


def evaluate_few_shot(
    run: RunDir,
    store: SkeletonStore,
    *,
    shots: Sequence[int] = SHOTS,
    draws: int = DRAWS,
    split: str | None = None,
    seed: int = 0,
    controls: bool = True,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> FewShot:
    """Classify all test clips by k training clips of every class, many times, and keep the result in the run's folder.

    The clips of a smaller k are among those of a larger one in the same draw, and the untrained twin and coordinates
    are given the same ones. Features are pooled and scaled as the recipe says; where it standardises them, by the mean
    and deviation of all training clips, which takes no labels.

    Args:
        run: what to measure.
        store: labelled clips in the run's layout.
        shots: every k.
        draws: R, how often clips are drawn.
        split: who trains and who tests; the run's own where None.
        seed: of the drawn clips.
        controls: measure the untrained twin and coordinates too.
        device: where to compute.
        progress: told what is being done.

    Raises:
        ConfigError: no k, or a k or number of draws below 1, or no split to evaluate on.
        LayoutMismatchError: the store has other joints than the run.
        StoreError: no labels on one of the sides.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such split.
        RunError: the run has no weights.
    """
    shots = sorted(set(shots))
    if not shots or shots[0] < 1 or draws < 1:
        found = f"{', '.join(map(str, shots)) or 'none'}, and {draws} draws"
        raise ConfigError(f"expected numbers of shots from 1 and at least one draw; found {found}")
    store.require_layout(run.layout)
    sides = labelled_sides(store, split or run.config.split, seed)
    seen = count_seen(sides, run)
    cache = FeatureCache(run, store, run.config.features, seed=seed, device=device, progress=progress)
    drawn = draw_shots(sides.train_labels, sides.store.ids[sides.train], len(store.classes), shots[-1], draws, seed)

    def scores(train: Tensor, queries: Tensor) -> tuple[FewShotScore, ...]:
        args = (train.to(device), queries.to(device), sides.test_labels.to(device), drawn.to(device))
        return tuple(_score(k, few_shot_correct(*args, k), len(sides.test)) for k in shots)

    trained = probe_task(cache, sides, "trained")
    announced_health(trained, run)
    result = FewShot(
        **measured_on(sides, str(run.path), run.config),
        seed=seed,
        features=cache.features,
        draws=draws,
        clips=len(sides.test),
        scarce=_scarce(sides, shots[-1]),
        seen=seen,
        scores=scores(*compared(trained)),
        untrained=scores(*compared(probe_task(cache, sides, "untrained"))) if controls else (),
        coordinates=scores(*(coordinate_features(store, side) for side in (sides.train, sides.test)))
        if controls
        else (),
    )
    result.save_in(run.path / FOLDER, run.config.split)
    return result


def draw_shots(labels: Tensor, ids: np.ndarray, num_classes: int, shots: int, draws: int, seed: int) -> Tensor:
    """Training clips that are drawn, the same whatever the order of clips.

    Args:
        labels: (N,) int64 classes of the training clips.
        ids: (N,) their ids.
        num_classes: K.
        shots: k of every class.
        draws: R.
        seed: of the draws.

    Returns:
        (R, K, k) int64 positions among the N, the first of them the draw for a smaller k; -1 where a class has no more.
    """
    order = torch.from_numpy(np.argsort(ids))
    labels = labels[order]
    keys = torch.rand(draws, len(labels), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    by_class = order[(labels + keys).argsort(dim=1)]
    counts = labels.bincount(minlength=num_classes)
    place = torch.arange(shots)
    column = (counts.cumsum(0) - counts)[:, None] + place
    drawn = by_class[:, column.clamp(max=len(labels) - 1)]
    return drawn.where(place < counts[:, None], -1)


def few_shot_correct(train: Tensor, queries: Tensor, labels: Tensor, drawn: Tensor, shots: int) -> Tensor:
    """How many test clips the class mean that is most similar, by cosine, gets right in every draw.

    Clips have unit length before the mean, so that each counts alike. A class without clips is never answered.

    Args:
        train: (N, D) features of the training clips.
        queries: (Q, D) features of the test clips.
        labels: (Q,) int64.
        drawn: (R, K, k) positions of training clips, or -1.
        shots: how many of the k are used.

    Returns:
        (R,) int64 on the CPU.
    """
    train, queries = F.normalize(train, dim=1), F.normalize(queries, dim=1)
    num_classes = drawn.shape[1]
    numbers = num_classes * (shots * train.shape[1] + len(queries))
    rows = []
    for some in drawn[..., :shots].split(max(1, NUMBERS_AT_ONCE // numbers)):
        given = some >= 0
        means = F.normalize((train[some] * given[..., None]).sum(dim=2), dim=2)
        similarity = (queries @ means.flatten(0, 1).T).view(len(queries), *means.shape[:2])
        answers = similarity.masked_fill(~given.any(dim=2), -torch.inf).argmax(dim=2)
        rows.append((answers == labels[:, None]).sum(dim=0))
    return torch.cat(rows).cpu()


def _score(shots: int, correct: Tensor, clips: int) -> FewShotScore:
    """Summary of all draws, from how many of the test clips were right in each (R,)."""
    low, high = np.mean([wilson_interval(count, clips) for count in correct.tolist()], axis=0)
    accuracies = correct.double() / clips
    worst, best = accuracies.quantile(accuracies.new_tensor(ENDS)).tolist()
    mean = accuracies.mean().item()
    return FewShotScore(shots=shots, accuracy=mean, low=low, high=high, worst=worst, best=best)


def _scarce(sides: Sides, shots: int) -> dict[str, int]:
    """Classes with fewer training clips than that, and how many they have."""
    counts = sides.train_labels.bincount(minlength=len(sides.store.classes)).tolist()
    return {name: count for name, count in zip(sides.store.classes, counts, strict=True) if count < shots}
