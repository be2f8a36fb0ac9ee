"""Calibration: whether a classifier is right as often as it is sure."""

from torch import Tensor

NAME = "ECE"
BINS = 15
OF_LOGITS = frozenset({"linear", "logreg", "common"})
"""Protocols whose class scores are logits, or logarithms of probabilities; those of others are votes."""


def expected_calibration_error(scores: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy over equal-width bins, each weighted by its clips (ECE, Guo et
    al., ICML 2017).

    Args:
        scores: (Q, K) logits or logarithms of probabilities; the confidence is the largest of their softmax.
        labels: (Q,) int64.
        bins: of confidence, each with its upper end.

    Returns:
        A share, 0 where confidence is accuracy in every bin.
    """
    confidence, predictions = scores.double().softmax(dim=1).max(dim=1)
    excess = confidence - (predictions == labels).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    return float(excess.new_zeros(bins).index_add(0, place, excess).abs().sum() / len(labels))


def calibration(protocol: str, scores: Tensor | None, labels: Tensor) -> dict[str, float]:
    """The figure of a protocol's class scores (Q, K), by its name; none where they are no logits."""
    if scores is None or protocol not in OF_LOGITS:
        return {}
    return {NAME: expected_calibration_error(scores, labels)}
