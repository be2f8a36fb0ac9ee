"""Losses of masked prediction (spec-masked §3.1)."""

import torch
from torch import Tensor


def normalise_target(target: Tensor) -> Tensor:
    """Each token's features shifted and scaled to mean 0 and (unbiased) variance 1: (..., F) to (..., F)."""
    variance, mean = torch.var_mean(target, dim=-1, keepdim=True)
    return (target - mean) / (variance + 1e-6).sqrt()


def token_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each token: (B, L, F) and (B, L, F) give (B, L), in float32."""
    return (prediction.float() - target.float()).square().mean(dim=-1)


def masked_mean(error: Tensor, masked: Tensor) -> Tensor:
    """Mean over the masked tokens of the whole batch: (B, L) and (B, L) of 0 and 1 give ()."""
    return (error * masked).sum() / masked.sum()
