"""What a mask of prime joints is for: means over prime and other cells, and views that keep prime cells (STJD-CL).

A cell is a joint in a slot or frame. Masks are 1 where it is prime and 0 where not, or between.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

_TINY = 1e-5


def has_cells(mask: Tensor) -> Tensor:
    """Whether a mask selects any cell: (..., S, V) to (...) bool."""
    return (mask > 0.5).flatten(-2).any(dim=-1)


def prime_pooling(features: Tensor, mask: Tensor, empty: Literal["global", "zero"] = "global") -> tuple[Tensor, Tensor]:
    """Means of features over prime cells and over the others, body by body (spec-stjd §3.4).

    Args:
        features: (..., S, V, D).
        mask: (..., S, V).
        empty: what stands for the prime cells of a body that has none: the mean of all cells, or zero. No gradient
            passes its mask then.

    Returns:
        Prime and non-prime means, (..., D) each, in float32 or better.
    """
    with torch.autocast(features.device.type, enabled=False):
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        zero = torch.zeros_like(features[..., 0, 0, :])
        without = features.mean(dim=(-3, -2)) if empty == "global" else zero
        return _masked_mean(features, mask, without), _masked_mean(features, 1 - mask, zero)


def _masked_mean(features: Tensor, weight: Tensor, without: Tensor) -> Tensor:
    """Weighted mean (..., D) over cells; ``without`` where there is none to weigh."""
    weight = weight.to(features)
    mean = torch.einsum("...svd,...sv->...d", features, weight) / (weight.sum(dim=(-2, -1)) + _TINY)[..., None]
    # The tiny number alone would be a divisor that makes huge gradients.
    return mean.where(has_cells(weight)[..., None], without)


def resize_mask(mask: Tensor, frames: int, how: Literal["linear", "nearest"] = "linear") -> Tensor:
    """Stretch a mask along time: (..., S, V) to (..., T, V).

    ``linear`` puts first and last slot on first and last frame; ``nearest`` gives frame t slot floor(t S / T).
    """
    S, V = mask.shape[-2:]
    if how == "nearest":
        return mask[..., torch.arange(frames, device=mask.device) * S // frames, :]
    lines = F.interpolate(mask.reshape(-1, S, V).mT, frames, mode="linear", align_corners=True)
    return lines.mT.reshape(*mask.shape[:-2], frames, V)


def mix_cells(prime: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """One view of two: prime cells from the first, the rest from the second: twice (..., T, V, C), mask (..., T, V)."""
    return torch.lerp(other, prime, mask.to(other)[..., None])
