"""Means over seeds, and intervals that know of both seeds and clips."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from kineme.evaluate.intervals import wilson_interval
from kineme.evaluate.result import Counts, Result, Score, Scores
from kineme.reproduce.summary import interval, summarise

ACCURACY = st.floats(0, 1)


def result(accuracy: float, clips: int, untrained: float | None = None) -> Result:
    """A result with one accuracy everywhere but in its controls."""

    def scores(value: float) -> Scores:
        score = Score(accuracy=value, low=0, high=1, candidate="", rule="")
        return Scores(last=score, best_val=None, best_test=score, confusion=())

    return Result(
        protocol="linear@1",
        run="",
        recipe="",
        method="",
        store="",
        split="",
        seed=0,
        train_seed=0,
        classes=(),
        counts=Counts(train=1, validation=0, test=clips),
        metrics=scores(accuracy),
        untrained=None if untrained is None else scores(untrained),
        chance=0,
        majority=0,
    )


@given(accuracies=st.lists(ACCURACY, min_size=1, max_size=6), clips=st.integers(1, 1000))
def test_interval_holds_the_mean_and_that_of_the_clips(accuracies: list[float], clips: int) -> None:
    low, high = interval(accuracies, clips)
    mean = sum(accuracies) / len(accuracies)
    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1
    if len(set(accuracies)) == 1:
        of_clips = wilson_interval(round(mean * clips), clips)
        assert low <= mean - (mean - of_clips[0]) + 1e-9
        assert high >= mean + (of_clips[1] - mean) - 1e-9


def test_one_seed_has_the_interval_of_its_clips() -> None:
    assert interval([0.75], 100) == pytest.approx(wilson_interval(75, 100))


def test_with_endless_clips_it_is_students() -> None:
    half = t.ppf(0.975, 2) * 0.1 / sqrt(3)
    assert interval([0.4, 0.5, 0.6], 10**9) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-3)


def test_summary_of_seeds() -> None:
    summary = summarise([[result(0.5, 10, 0.3)], [result(0.7, 10, 0.5)]])
    assert (summary.seeds, summary.clips) == (2, 10)
    assert summary.accuracy == pytest.approx(0.6)
    assert summary.deviation == pytest.approx(0.2 / sqrt(2))
    assert summary.untrained == pytest.approx(0.4)
    assert summary.gain == pytest.approx(0.2)
    assert summary.nearest is None
    assert summarise([[result(0.5, 10)]]).deviation is None


def test_clips_of_all_splits_count_alike() -> None:
    summary = summarise([[result(1.0, 30), result(0.0, 10)]])
    assert summary.accuracy == pytest.approx(0.75)
    assert (summary.low, summary.high) == pytest.approx(wilson_interval(30, 40))


def test_a_control_that_one_result_lacks_is_none() -> None:
    assert summarise([[result(0.5, 10, 0.3)], [result(0.5, 10)]]).untrained is None
