"""One vector per clip from an encoder's features (B, M, S, V, D)."""

from collections.abc import Callable

from torch import Tensor


def mean(features: Tensor) -> Tensor:
    """Mean over bodies, slots and joints, absent bodies included, as published (spec-masked §4): (B, D)."""
    return features.mean(dim=(1, 2, 3))


def joint(features: Tensor) -> Tensor:
    """Mean over bodies and slots, joints side by side: (B, V*D)."""
    return features.mean(dim=(1, 2)).flatten(1)


pools: dict[str, Callable[[Tensor], Tensor]] = {"mean": mean, "joint": joint}
