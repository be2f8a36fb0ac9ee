"""Two results on the same test clips: how far apart they are, and whether chance alone could be the reason."""

from dataclasses import dataclass

import numpy as np

from kineme.errors import RunError
from kineme.evaluate.predictions import ClipPredictions

RESAMPLES = 10_000
ENDS = (2.5, 97.5)


@dataclass(frozen=True)
class Comparison:
    """Accuracies of two results on Q clips, and their difference.

    Args:
        clips: Q.
        first, second: accuracies.
        low, high: ends of the 95 % interval of ``difference``, over clips.
        only_first, only_second: clips that one classifies rightly and the other does not; None where trainings were
            repeated.
        p_value: of McNemar's exact test: how likely counts as uneven as these are, were both equally good; None where
            trainings were repeated.
    """

    clips: int
    first: float
    second: float
    low: float
    high: float
    only_first: int | None
    only_second: int | None
    p_value: float | None

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the second."""
        return self.first - self.second


def compare(first: ClipPredictions, second: ClipPredictions, *, seed: int = 0) -> Comparison:
    """Compare two results clip by clip; neither the order of clips nor the numbers of classes matter.

    Args:
        first, second: predictions for the same clips.
        seed: of the bootstrap.

    Raises:
        RunError: other clips, other classes, or clips whose labels differ.
    """
    _require_same("clips", first, second, first.ids, second.ids)
    _require_same("classes", first, second, first.classes, second.classes)
    rows = [np.argsort(each.ids) for each in (first, second)]
    labels = [each.classes[each.labels][row] for each, row in zip((first, second), rows, strict=True)]
    _require_same_labels(first, second, first.ids[rows[0]], *labels)
    right, other = first.correct[rows[0]], second.correct[rows[1]]
    low, high = bootstrap_interval(right - other, seed)
    once = len(first.predictions) == len(second.predictions) == 1
    only_first, only_second = (int((right > other).sum()), int((other > right).sum())) if once else (None, None)
    p_value = mcnemar(only_first, only_second) if only_first is not None and only_second is not None else None
    return Comparison(len(right), float(right.mean()), float(other.mean()), low, high, only_first, only_second, p_value)


def bootstrap_interval(differences: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of the mean of paired differences (Q,), by the bootstrap over clips (Efron, 1979).

    Clips with equal differences are interchangeable, so a resample is drawn as how often each difference occurs.
    """
    values, counts = np.unique(differences, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    low, high = np.percentile(drawn @ values / counts.sum(), ENDS)
    return float(low), float(high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's test in its exact, binomial form (McNemar, Psychometrika 1947).

    Args:
        only_first, only_second: clips that one of two classifiers alone gets right.
    """
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def _require_same(
    what: str, first: ClipPredictions, second: ClipPredictions, mine: np.ndarray, theirs: np.ndarray
) -> None:
    sides = ((first, np.setdiff1d(mine, theirs)), (second, np.setdiff1d(theirs, mine)))
    alone = [f"{len(names)} {what} only in {each.source}, such as {names[0]}" for each, names in sides if len(names)]
    if alone:
        raise RunError(
            f"{first.source} ({first.split}) and {second.source} ({second.split}) cannot be compared: "
            f"{'; '.join(alone)}; evaluate both on one store and one split"
        )


def _require_same_labels(
    first: ClipPredictions, second: ClipPredictions, ids: np.ndarray, mine: np.ndarray, theirs: np.ndarray
) -> None:
    differ = np.flatnonzero(mine != theirs)
    if len(differ):
        clip = differ[0]
        raise RunError(
            f"{first.source} and {second.source} cannot be compared: {len(differ)} clips have other labels, such as "
            f"{ids[clip]}: {mine[clip]} and {theirs[clip]}; evaluate both on one store"
        )
