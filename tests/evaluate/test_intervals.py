"""Wilson's interval against known values and its own properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kineme.evaluate.intervals import wilson_interval


def test_known_values() -> None:
    # Newcombe, Statistics in Medicine 1998, table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_covers_the_observed_share(case: tuple[int, int]) -> None:
    correct, total = case
    low, high = wilson_interval(correct, total)
    assert 0 <= low <= correct / total + 1e-12
    assert correct / total - 1e-12 <= high <= 1
    assert wilson_interval(total - correct, total) == pytest.approx((1 - high, 1 - low))
