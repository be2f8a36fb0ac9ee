"""Loss of regenerated sequences (spec-agrnet §4.7)."""

from torch import Tensor


def masked_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Absolute error, summed over channels, averaged over the steps that are not all zero, then over sequences.

    A sequence of nothing but zeros counts as one without error.

    Args:
        prediction: (B, S, C).
        target: (B, S, C).

    Returns:
        () float32, or float64 where both are.
    """
    prediction, target = (x if x.dtype.itemsize > 2 else x.float() for x in (prediction, target))
    counts = target.any(dim=-1)
    error = (prediction - target).abs().sum(dim=-1) * counts
    return (error.sum(dim=1) / counts.sum(dim=1).clamp(min=1)).mean()
