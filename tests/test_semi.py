"""Labelled fractions: nested, repeatable, of the published size."""

from hypothesis import given
from hypothesis import strategies as st

from kineme.semi import reference_subset


@given(num=st.integers(1, 500), seed=st.integers(0, 9))
def test_subsets_are_nested_and_without_repetition(num: int, seed: int) -> None:
    small, large = reference_subset(num, 0.1, seed), reference_subset(num, 0.5, seed)
    assert len(small) == int(num * 0.1)
    assert small.tolist() == large[: len(small)].tolist()
    assert len(set(large.tolist())) == len(large) == int(num * 0.5)
    assert set(large.tolist()) <= set(range(num))
