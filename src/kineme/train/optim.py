"""Optimisers and schedules (spec-masked §3.3 and §4, spec-contrastive §10 and §11)."""

import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import nn

from kineme.encoders import Encoder
from kineme.methods import Method
from kineme.train.adam import SharedStepAdam
from kineme.train.config import TrainConfig


def cosine_lr(epoch: float, *, peak: float, minimum: float, warmup: float, epochs: float) -> float:
    """Learning rate at a fractional epoch: linear from 0 during warm-up, then a cosine to the minimum."""
    if epoch < warmup:
        return peak * epoch / warmup
    done = (epoch - warmup) / (epochs - warmup)
    return minimum + (peak - minimum) * 0.5 * (1 + math.cos(math.pi * done))


def stepped_lr(epoch: float, *, peak: float, steps: Sequence[float], factor: float = 0.1) -> float:
    """Learning rate at a fractional epoch: multiplied by ``factor`` for every step that is reached."""
    return peak * factor ** sum(epoch >= step for step in steps)


def decays(parameter: torch.Tensor) -> bool:
    """Whether weight decay applies: to kernels, tables and mask tokens, not to biases and norms."""
    return parameter.ndim > 1


def lr_scale(model: nn.Module, parameter: str, decay: float) -> float:
    """Learning-rate multiplier of a parameter by name: 1 above the encoder, times ``decay`` for every level below."""
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, Encoder) or not parameter.startswith("encoder."):
        return 1.0
    return decay ** (encoder.levels - encoder.level(parameter.removeprefix("encoder.")))


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Optimiser of the parameters that learn, decaying those that should, slower where layer-wise decay says so."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[_group(model, name, parameter, config)].append(parameter)
    settings = [
        {"params": parameters, "weight_decay": weight_decay, "lr_scale": scale}
        for (weight_decay, scale), parameters in groups.items()
    ]
    if config.optimizer == "adam_global":
        return SharedStepAdam(settings, lr=config.lr, betas=config.betas)
    # The rate is set before every step; fused is one kernel instead of hundreds.
    if config.optimizer == "sgd":
        return torch.optim.SGD(settings, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov, fused=True)
    return torch.optim.AdamW(settings, lr=config.lr, betas=config.betas, fused=True)


def _group(model: nn.Module, name: str, parameter: nn.Parameter, config: TrainConfig) -> tuple[float, float]:
    """Weight decay and learning-rate multiplier of a parameter."""
    own = model.own_rate(name) if isinstance(model, Method) else None
    if own is not None:
        return 0.0, own
    weight_decay = config.weight_decay if config.decay_all or decays(parameter) else 0.0
    return weight_decay, lr_scale(model, name, config.layer_decay)


def learning_rate(config: TrainConfig, epoch: float) -> float:
    """Learning rate at a fractional epoch."""
    warmup = min(config.warmup_epochs, config.epochs)
    if config.schedule == "steps" and epoch >= warmup:
        return stepped_lr(epoch, peak=config.lr, steps=config.steps, factor=config.step_factor)
    return cosine_lr(epoch, peak=config.lr, minimum=config.min_lr, warmup=warmup, epochs=config.epochs)


def set_lr(optimizer: torch.optim.Optimizer, config: TrainConfig, epoch: float) -> float:
    """Set every group's learning rate for a fractional epoch, and return it (without layer-wise decay)."""
    lr = learning_rate(config, epoch)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
    return lr
