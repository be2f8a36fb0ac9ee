"""Losses of masked prediction (spec-masked §3.1)."""

from collections.abc import Callable

import torch
from torch import Tensor


def normalise_tokens(target: Tensor) -> Tensor:
    """Each token's features shifted and scaled to mean 0 and (unbiased) variance 1: (B, L, F) to (B, L, F)."""
    variance, mean = torch.var_mean(target, dim=-1, keepdim=True)
    return (target - mean) / (variance + 1e-6).sqrt()


def normalise_clips(target: Tensor) -> Tensor:
    """All tokens of a body scaled by their common root mean square: (B, L, F) to (B, L, F).

    Unlike `normalise_tokens` it does not blow up the noise of joints that hardly move.
    """
    return target / (target.square().mean(dim=(1, 2), keepdim=True) + 1e-6).sqrt()


normalisers: dict[str, Callable[[Tensor], Tensor]] = {
    "token": normalise_tokens,
    "clip": normalise_clips,
    "none": lambda target: target,
}


def token_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each token: (B, L, F) and (B, L, F) give (B, L), in float32."""
    return (prediction.float() - target.float()).square().mean(dim=-1)
