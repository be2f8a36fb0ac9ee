"""Joint density: how closely the other joints of a body surround each one, in every frame (STJD).

A kernel density estimate at each joint with all joints of the same body and frame as sample points. It rises where
joints approach, so that a still joint answers to a moving one; moving the whole body changes nothing.
"""

import math
from functools import partial
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from kineme.config import Config
from kineme.errors import LayoutMismatchError

_CHUNK_ELEMENTS = 2**26  # of a (F, V, V, C) kernel: 256 MiB in float32


class DensityConfig(Config):
    """Settings of the measure; defaults are the paper's form."""

    channel_reduce: Literal["mean", "sum", "prod"] = "mean"
    """How the kernels of the channels combine; ``prod`` vanishes with many channels."""
    bandwidth_shape: Literal["joint", "joint_channel"] = "joint"
    """One bandwidth per contributing joint, or one per joint and channel."""
    bandwidth_param: Literal["softplus", "raw"] = "softplus"
    """Keep bandwidths above ``h_min``, or use the parameter as it is."""
    h_init: Annotated[float, Field(gt=0)] = 1.0
    """First bandwidth, in the unit of the input; 0.25 suits metres."""
    h_min: Annotated[float, Field(ge=0)] = 0.05
    """Smallest bandwidth of ``softplus``."""
    proj_channels: Annotated[int, Field(ge=1)] | None = None
    """Channels that a convolution along the joint index makes of the input first; none where None."""
    proj_kernel: Annotated[int, Field(ge=1)] = 3
    """Width of that convolution; odd."""
    weights: bool = False
    """Whether joints and channels have weights, ones at first."""
    average_over_joints: bool = True
    """Divide by the number of joints."""
    normaliser: Literal["contributor", "query"] = "contributor"
    """Whose bandwidth a kernel is divided by: the sample point's, or, as released, that of the joint asked about."""
    include_self: bool = True
    """Count each joint among its own neighbours: a constant, which no change shows."""
    trainable: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.bandwidth_param == "softplus" and self.h_init <= self.h_min:
            raise ValueError(f"h_init {self.h_init} must be above h_min {self.h_min}")
        if self.proj_kernel % 2 == 0:
            raise ValueError(f"proj_kernel {self.proj_kernel} must be odd")
        return self


PAPER = DensityConfig()
"""Equation D1: mean over channels of Gaussians, one bandwidth per joint."""
RELEASE = DensityConfig(
    channel_reduce="prod",
    bandwidth_shape="joint_channel",
    bandwidth_param="raw",
    proj_channels=16,
    weights=True,
    average_over_joints=False,
    normaliser="query",
    trainable=False,
)
"""Equation D2: a product over 16 randomly projected channels, as the authors' code has it and never trains."""


def joint_density(
    x: Tensor,
    bandwidth: Tensor,
    config: DensityConfig = PAPER,
    joint_weight: Tensor | None = None,
    channel_weight: Tensor | None = None,
) -> Tensor:
    """Density at every joint, in float32 or better whatever autocast says (Gunasekara et al., 2025; spec-stjd D1, D2).

    Args:
        x: (..., V, C) positions or features of the joints of one body and frame.
        bandwidth: (V,) or (V, C) of the contributing joints, in the unit of ``x``.
        config: form of the estimate; settings of projection, initial values and training do not matter here.
        joint_weight: (V,); ones where None.
        channel_weight: (C,); ones where None.

    Returns:
        (..., V), per unit of ``x`` (``prod``: of its volume).

    Raises:
        LayoutMismatchError: bandwidths of another number of joints.
    """
    V, C = x.shape[-2:]
    if len(bandwidth) != V:
        raise LayoutMismatchError(f"the joint density has bandwidths of {len(bandwidth)} joints, the input has {V}")
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    h = bandwidth.to(x).reshape(V, -1).expand(V, C)
    height = 1 / (math.sqrt(2 * math.pi) * (h[:, None] if config.normaliser == "query" else h[None]))
    height = (height if channel_weight is None else height * channel_weight.to(x)).expand(V, V, C)
    form = _product if config.channel_reduce == "prod" else _sum
    with torch.autocast(x.device.type, enabled=False):
        density = form(x.reshape(-1, V, C), h, height, _pair_weight(config, height, joint_weight))
    density = density / C if config.channel_reduce == "mean" else density
    return density.view(x.shape[:-1])


def _pair_weight(config: DensityConfig, height: Tensor, joint_weight: Tensor | None) -> Tensor:
    """(V, V) weight with which joint i, in columns, counts at joint r."""
    weight = height.new_ones(height.shape[:2])
    weight = weight if config.include_self else weight.fill_diagonal_(0)
    weight = weight / len(weight) if config.average_over_joints else weight
    return weight if joint_weight is None else weight * joint_weight.to(weight)


def _product(x: Tensor, h: Tensor, height: Tensor, weight: Tensor) -> Tensor:
    """Density (F, V) by products over channels; logarithms keep them from under- and overflowing on the way."""
    log_kernel = height.abs().log().sum(-1) + _exponent(x, h)
    return (log_kernel.exp() * (weight * height.sign().prod(-1))).sum(-1)


def _exponent(x: Tensor, h: Tensor) -> Tensor:
    """(F, V, V) minus half the squared distance of joints r and i in bandwidths of i, by one matrix product."""
    x = x - x.mean(dim=1, keepdim=True)  # small numbers cancel less
    precision = h.square().reciprocal()
    scaled = x * precision
    length = (x * scaled).sum(-1, keepdim=True)
    left = torch.cat([x, x.square(), torch.ones_like(length)], dim=-1)
    right = torch.cat([scaled, (-0.5 * precision).expand_as(x), -0.5 * length], dim=-1)
    # Rounding leaves a little of what cancels: none of it where a joint meets itself, the largest of all kernels.
    itself = torch.eye(len(h), dtype=torch.bool, device=x.device)
    return (left @ right.mT).clamp_max(0).masked_fill(itself, 0)


def _sum(x: Tensor, h: Tensor, height: Tensor, weight: Tensor) -> Tensor:
    """Density (F, V) by sums over channels; so many frames at a time as fit, the rest recomputed for gradients."""
    height = height * weight[..., None]
    parts = x.split(max(1, _CHUNK_ELEMENTS // height.numel()))
    if len(parts) == 1:
        return _sum_of(x, h, height)
    once = partial(checkpoint, _sum_of, use_reentrant=False, preserve_rng_state=False)
    return torch.cat([once(part, h, height) for part in parts])


def _sum_of(x: Tensor, h: Tensor, height: Tensor) -> Tensor:
    kernel = ((x[:, :, None] - x[:, None]) / h).square().mul(-0.5).exp()
    return torch.einsum("fric,ric->fr", kernel, height)


class JointDensity(nn.Module):
    """`joint_density` with its parameters.

    Args:
        config: form, initial values, and whether anything is trained.
        joints: V.
        channels: C of the input.
    """

    def __init__(self, config: DensityConfig, joints: int, channels: int) -> None:
        super().__init__()
        self.config = config
        width = config.proj_channels or channels
        kernel = config.proj_kernel
        self.projection = nn.Conv1d(channels, width, kernel, padding=kernel // 2) if config.proj_channels else None
        shape = (joints,) if config.bandwidth_shape == "joint" else (joints, width)
        self.raw_bandwidth = nn.Parameter(torch.full(shape, self._raw(config.h_init)))
        self.joint_weight = nn.Parameter(torch.ones(joints)) if config.weights else None
        self.channel_weight = nn.Parameter(torch.ones(width)) if config.weights else None
        self.requires_grad_(config.trainable)

    def _raw(self, h: float) -> float:
        """Parameter that gives the bandwidth ``h``."""
        return h if self.config.bandwidth_param == "raw" else math.log(math.expm1(h - self.config.h_min))

    @property
    def bandwidth(self) -> Tensor:
        """(V,) or (V, C)."""
        raw = self.raw_bandwidth
        return raw if self.config.bandwidth_param == "raw" else self.config.h_min + F.softplus(raw)

    def project(self, x: Tensor) -> Tensor:
        """Input of the kernels: (..., V, C) to (..., V, C'); mixes neighbours in the order of the layout."""
        if self.projection is None:
            return x
        with torch.autocast(x.device.type, enabled=False):
            mixed = self.projection(x.to(self.raw_bandwidth).reshape(-1, *x.shape[-2:]).mT)
        return mixed.mT.reshape(*x.shape[:-1], -1)

    def forward(self, x: Tensor) -> Tensor:
        """Density (..., V) of joints (..., V, C)."""
        return joint_density(self.project(x), self.bandwidth, self.config, self.joint_weight, self.channel_weight)
