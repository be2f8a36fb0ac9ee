"""Optimisers and schedules of the masked family (spec-masked §3.3 and §4)."""

import math
import re

import torch
from torch import nn

from kineme.train.config import TrainConfig


def cosine_lr(epoch: float, *, peak: float, minimum: float, warmup: float, epochs: float) -> float:
    """Learning rate at a fractional epoch: linear from 0 during warm-up, then a cosine to the minimum."""
    if epoch < warmup:
        return peak * epoch / warmup
    done = (epoch - warmup) / (epochs - warmup)
    return minimum + (peak - minimum) * 0.5 * (1 + math.cos(math.pi * done))


def decays(parameter: torch.Tensor) -> bool:
    """Whether weight decay applies: to kernels, tables and mask tokens, not to biases and norms."""
    return parameter.ndim > 1


def layer_of(name: str, depth: int) -> int:
    """Level of an encoder's parameter for layer-wise decay.

    Args:
        name: parameter name below the encoder, or of a head.
        depth: number of blocks.

    Returns:
        0 for tokeniser and positions, i + 1 for block i, depth + 1 for the final norm and the head.
    """
    if name.startswith(("tokeniser.", "positions.")):
        return 0
    block = re.match(r"blocks\.(\d+)\.", name)
    return int(block.group(1)) + 1 if block else depth + 1


def layer_scale(name: str, depth: int, decay: float) -> float:
    """Learning-rate multiplier ``decay ** (depth + 1 - level)`` of a parameter."""
    return decay ** (depth + 1 - layer_of(name, depth))


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over the parameters that learn, decaying those that should."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if decays(p)], "weight_decay": config.weight_decay},
        {"params": [p for p in learning if not decays(p)], "weight_decay": 0.0},
    ]
    # The rate is set before every step; fused is one kernel instead of hundreds.
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, fused=True)


def set_lr(optimizer: torch.optim.Optimizer, config: TrainConfig, epoch: float) -> float:
    """Set every group's learning rate for a fractional epoch, and return it."""
    warmup = min(config.warmup_epochs, config.epochs)
    lr = cosine_lr(epoch, peak=config.lr, minimum=config.min_lr, warmup=warmup, epochs=config.epochs)
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr
