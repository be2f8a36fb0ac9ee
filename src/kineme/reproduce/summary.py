"""One measurement over several seeds: its mean, and how far that could be from the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import mean, stdev

from kineme.evaluate.intervals import wilson_interval
from kineme.evaluate.result import Estimate, Result


@dataclass(frozen=True)
class Summary:
    """Accuracies of R seeds.

    Args:
        seeds: R.
        clips: test clips, of all splits.
        accuracy: mean of ``last``.
        deviation: over seeds; None of one seed.
        low, high: ends of the 95 % interval of the mean (see `interval`).
        best_test: mean of the papers' rule, selected on the test clips.
        untrained: mean of the untrained twin, or of training from scratch; None where it was not measured.
        nearest: mean of coordinate 1-NN; None where it was not measured.
    """

    seeds: int
    clips: int
    accuracy: float
    deviation: float | None
    low: float
    high: float
    best_test: float
    untrained: float | None
    nearest: float | None

    @property
    def gain(self) -> float | None:
        """Over the untrained twin, or over training from scratch."""
        return None if self.untrained is None else self.accuracy - self.untrained


def summarise(seeds: Sequence[Sequence[Result]]) -> Summary:
    """Summary of the results of every seed, on one split or several; test clips of all splits count alike.

    Args:
        seeds: R sequences of results, each on the same splits.
    """

    last = _by_seed(seeds, lambda result: result.metrics.last)
    clips = sum(result.counts.test for result in seeds[0])
    low, high = interval(last, clips)
    untrained = _by_seed(seeds, lambda result: result.untrained and result.untrained.last)
    nearest = _by_seed(seeds, lambda result: result.coordinate_1nn)
    return Summary(
        seeds=len(seeds),
        clips=clips,
        accuracy=mean(last),
        deviation=stdev(last) if len(last) > 1 else None,
        low=low,
        high=high,
        best_test=mean(_by_seed(seeds, lambda result: result.metrics.best_test)),
        untrained=mean(untrained) if untrained else None,
        nearest=mean(nearest) if nearest else None,
    )


def interval(accuracies: Sequence[float], clips: int) -> tuple[float, float]:
    """95 % interval of the mean accuracy of several seeds on the same test clips.

    Two things could have been otherwise, the seeds and the test clips. Their half widths, Student's of the mean over
    seeds and Wilson's over clips, are added as independent errors are. Of one seed it is Wilson's alone.

    Args:
        accuracies: of R seeds, in [0, 1].
        clips: number of test clips.

    Returns:
        Lower and upper end, in [0, 1].
    """
    from scipy.stats import t

    centre = mean(accuracies)
    low, high = wilson_interval(round(centre * clips), clips)
    of_seeds = 0.0
    if len(accuracies) > 1:
        of_seeds = float(t.ppf(0.975, len(accuracies) - 1)) * stdev(accuracies) / sqrt(len(accuracies))
    return max(0.0, centre - hypot(centre - low, of_seeds)), min(1.0, centre + hypot(high - centre, of_seeds))


def _by_seed(seeds: Sequence[Sequence[Result]], part: Callable[[Result], Estimate | None]) -> list[float]:
    """Accuracy of every seed over the test clips of all splits; none where any result lacks it."""
    scores = [[(part(result), result.counts.test) for result in results] for results in seeds]
    if any(score is None for results in scores for score, _ in results):
        return []
    right = [sum(score.accuracy * clips for score, clips in results if score) for results in scores]
    return [count / sum(clips for _, clips in results) for count, results in zip(right, scores, strict=True)]
