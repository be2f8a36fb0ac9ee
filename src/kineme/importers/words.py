"""Words of text files as numbers, all at once."""

from collections.abc import Sequence

import numpy as np


def to_numbers(words: Sequence[str]) -> np.ndarray:
    """(W,) float64; NaN for a word that is no number."""
    try:
        return np.array(words, float)
    except ValueError:
        return np.array([_to_number(word) for word in words])


def _to_number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
