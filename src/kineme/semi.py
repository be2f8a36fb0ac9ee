"""Labelled fractions of a training set for semi-supervised protocols."""

import numpy as np


def reference_subset(num_clips: int, fraction: float, seed: int) -> np.ndarray:
    """The clips that the masked family's code would label (spec-masked §1.5); not balanced over classes.

    Args:
        num_clips: training clips.
        fraction: share that is labelled; int(num_clips * fraction) clips are.
        seed: of NumPy's legacy generator; larger fractions of one seed contain the smaller ones.

    Returns:
        (n,) int64 positions among the training clips, in the order drawn.
    """
    order = np.arange(num_clips)
    np.random.RandomState(seed).shuffle(order)  # the published subsets come from this generator
    return order[: int(num_clips * fraction)]
