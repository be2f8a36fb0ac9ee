import numpy as np

from kineme.importers.words import to_numbers


def test_words_become_numbers() -> None:
    np.testing.assert_array_equal(to_numbers(["1", "-2.5e3", "inf"]), [1, -2500, np.inf])
    assert to_numbers([]).shape == (0,)


def test_what_is_no_number_is_nan() -> None:
    np.testing.assert_array_equal(to_numbers(["1", "1,5", "x", ""]), [1, np.nan, np.nan, np.nan])
