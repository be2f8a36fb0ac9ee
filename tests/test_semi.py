"""Labelled fractions: nested, repeatable, of the published size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kineme.semi import balanced_subset, reference_subset

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


@given(num=st.integers(1, 500), seed=st.integers(0, 9))
def test_subsets_are_nested_and_without_repetition(num: int, seed: int) -> None:
    small, large = reference_subset(num, 0.1, seed), reference_subset(num, 0.5, seed)
    assert len(small) == int(num * 0.1)
    assert small.tolist() == large[: len(small)].tolist()
    assert len(set(large.tolist())) == len(large) == int(num * 0.5)
    assert set(large.tolist()) <= set(range(num))


@given(labels=LABELS, fraction=st.floats(0.01, 1), seed=st.integers(0, 9))
def test_balanced_subsets_hold_the_share_of_every_class(labels: np.ndarray, fraction: float, seed: int) -> None:
    subset = balanced_subset(labels, fraction, seed)
    assert subset.tolist() == sorted(set(subset.tolist()))
    counts = {label: int((labels == label).sum()) for label in set(labels.tolist())}
    found = {label: int((labels[subset] == label).sum()) for label in counts}
    assert found == {label: max(1, round(fraction * count)) for label, count in counts.items()}


@given(labels=LABELS, seed=st.integers(0, 9))
def test_balanced_subsets_are_nested(labels: np.ndarray, seed: int) -> None:
    small, large = balanced_subset(labels, 0.2, seed), balanced_subset(labels, 0.7, seed)
    assert set(small.tolist()) <= set(large.tolist())


def test_balanced_subsets_differ_by_seed() -> None:
    labels = np.zeros(40, int)
    assert balanced_subset(labels, 0.5, 0).tolist() != balanced_subset(labels, 0.5, 1).tolist()
