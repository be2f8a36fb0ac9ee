"""Looking sizes up in weights of strangers, any of which may be missing or of another shape."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

Weights = Mapping[str, Tensor]


def has(weights: Weights, *prefixes: str) -> bool:
    """Whether any name begins in one of these ways."""
    return any(name.startswith(prefixes) for name in weights)


def shape(weights: Weights, name: str, dims: int) -> tuple[int | None, ...]:
    """Shape of a weight, unknown where it is missing or has other dimensions: comparing names will tell that."""
    found = weights.get(name)
    return tuple(found.shape) if found is not None and found.ndim == dims else (None,) * dims


def known(**sizes: float | None) -> dict[str, Any]:
    """Those sizes that were found and are not zero."""
    return {name: size for name, size in sizes.items() if size}
