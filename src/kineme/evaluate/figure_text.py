"""How figures beside the accuracy are written."""

LOSS = "mean loss"
"""Name of the one figure that is no share: cross-entropy in nats."""


def figure_text(name: str, value: float) -> str:
    """``mAP 81.2 %``; a loss as it is."""
    return f"{name} {value:.3f}" if name == LOSS else f"{name} {100 * value:.1f} %"
