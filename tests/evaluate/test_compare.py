"""Comparison of two results: paired by clip, whatever the order of clips and the numbers of classes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.errors import RunError
from kineme.evaluate.compare import bootstrap_interval, compare, mcnemar
from kineme.evaluate.predictions import ClipPredictions

CLASSES = np.array(["walk", "run", "sit", "fall"])


def random_predictions(
    rng: np.random.Generator, labels: np.ndarray, accuracy: float, **changes: Any
) -> ClipPredictions:
    guess = np.where(rng.random(len(labels)) < accuracy, labels, rng.integers(len(CLASSES), size=len(labels)))
    ids = np.array([f"clip-{i}" for i in range(len(labels))])
    plain = ClipPredictions("run", "nucla-xview", CLASSES, ids, labels, guess[None], None)
    return replace(plain, **changes)


def pair(seed: int, clips: int = 40) -> tuple[ClipPredictions, ClipPredictions]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=clips)
    return random_predictions(rng, labels, 0.8), random_predictions(rng, labels, 0.4, source="other")


def moved(result: ClipPredictions, rng: np.random.Generator) -> ClipPredictions:
    """The same with clips in another order and classes under other numbers."""
    order, number = rng.permutation(len(result.ids)), rng.permutation(len(CLASSES))
    return replace(
        result,
        classes=CLASSES[number.argsort()],
        ids=result.ids[order],
        labels=number[result.labels[order]],
        predictions=number[result.predictions[:, order]],
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), clips=st.integers(1, 60))
def test_neither_order_nor_numbers_matter(seed: int, clips: int) -> None:
    first, second = pair(seed, clips)
    rng = np.random.default_rng(seed)
    expected = compare(first, second)
    assert compare(moved(first, rng), second) == expected
    assert compare(moved(first, rng), moved(second, rng)) == expected


def test_figures() -> None:
    first, second = pair(0, 200)
    comparison = compare(first, second)
    right, other = (each.predictions[0] == each.labels for each in (first, second))
    assert (comparison.clips, comparison.first, comparison.second) == (200, right.mean(), other.mean())
    assert comparison.difference == pytest.approx(right.mean() - other.mean())
    assert (comparison.only_first, comparison.only_second) == ((right & ~other).sum(), (other & ~right).sum())
    assert comparison.low < comparison.difference < comparison.high
    assert comparison.p_value is not None
    assert comparison.p_value < 1e-6
    swapped = compare(second, first)
    assert (swapped.difference, swapped.p_value) == (-comparison.difference, comparison.p_value)


def test_with_itself() -> None:
    first, _ = pair(1)
    comparison = compare(first, first)
    assert (comparison.low, comparison.difference, comparison.high, comparison.p_value) == (0, 0, 0, 1)


def test_interval_is_that_of_resampled_clips() -> None:
    rng = np.random.default_rng(0)
    differences = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.5, 0.4], size=300)
    plain = [rng.choice(differences, size=300).mean() for _ in range(4000)]
    np.testing.assert_allclose(bootstrap_interval(differences), np.percentile(plain, (2.5, 97.5)), atol=0.01)
    assert bootstrap_interval(differences, seed=3) == bootstrap_interval(differences, seed=3)


@pytest.mark.parametrize(("counts", "expected"), [((0, 0), 1.0), ((5, 5), 1.0), ((0, 5), 2 / 32), ((1, 5), 14 / 64)])
def test_exact_test_by_hand(counts: tuple[int, int], expected: float) -> None:
    assert mcnemar(*counts) == pytest.approx(expected)
    assert mcnemar(*counts[::-1]) == pytest.approx(expected)


def test_repeated_trainings() -> None:
    """Their mean is compared; one table of clips there is not."""
    first, second = pair(2)
    twice = replace(first, predictions=np.concatenate([first.predictions, second.predictions]))
    comparison = compare(twice, second)
    mean = (first.correct.mean() + second.correct.mean()) / 2
    assert comparison.first == pytest.approx(mean)
    assert comparison.low < comparison.difference < comparison.high
    assert (comparison.only_first, comparison.only_second, comparison.p_value) == (None, None, None)


def test_what_differs_is_told() -> None:
    first, second = pair(3)
    fewer = replace(second, ids=second.ids[2:], labels=second.labels[2:], predictions=second.predictions[:, 2:])
    with pytest.raises(RunError, match=r"run .* and other .* cannot be compared: 2 clips only in run, such as clip-0;"):
        compare(first, fewer)
    with pytest.raises(RunError, match="1 classes only in run, such as fall; 1 classes only in other, such as stand"):
        compare(first, replace(second, classes=np.array(["walk", "run", "sit", "stand"])))
    labels = second.labels.copy()
    labels[5] = (labels[5] + 1) % 4
    with pytest.raises(RunError, match="1 clips have other labels, such as clip-5: "):
        compare(first, replace(second, labels=labels))
