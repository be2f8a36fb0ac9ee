"""Labelled fractions of a training set for semi-supervised protocols."""

import numpy as np


def balanced_subset(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """The same share of every class, rounded, and at least one clip of each.

    Args:
        labels: (N,) classes of the training clips.
        fraction: share that is labelled.
        seed: of the drawing; larger fractions of one seed contain the smaller ones.

    Returns:
        (n,) int64 ascending positions among the training clips.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = (order[labels[order] == label] for label in np.unique(labels))
    return np.sort(np.concatenate([clips[: max(1, round(fraction * len(clips)))] for clips in by_class]))


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
