"""The Poincaré ball of curvature -c: points are vectors of a norm below 1 / √c, and the border is infinitely far away.

All of it runs in float32 (float64 where given) whatever the autocast, and so are its results: in bfloat16 every point
near the border, where most embeddings end, would lie on it.

Source: Ganea et al., "Hyperbolic Neural Networks", NeurIPS 2018, §2; numerics: spec-masked §5.2.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")

MARGIN = 1e-5
"""How far inside the border a point ends that is pulled back, as a share of the ball's radius."""


def in_full_precision(operation: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """The operation without autocast, on tensors of at least float32."""

    @wraps(operation)
    def run(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        points: Any = [widen(arg) if isinstance(arg, Tensor) else arg for arg in args]
        with torch.autocast(points[0].device.type, enabled=False):
            return operation(*points, **kwargs)

    return run


def widen(x: Tensor) -> Tensor:
    """The tensor in float32, or as it is where it is float64."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@in_full_precision
def exp_map(x: Tensor, c: float = 1.0) -> Tensor:
    """Point that a tangent vector at the origin leads to: tanh(√c‖x‖) x / (√c‖x‖); (..., D) to (..., D)."""
    norm = math.sqrt(c) * torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    # Two `where`s: one for the value at the origin, one to keep 0 / 0 out of the gradient.
    safe = norm.where(norm > 0, 1.0)
    return x * (safe.tanh() / safe).where(norm > 0, 1.0)


@in_full_precision
def log_map(y: Tensor, c: float = 1.0) -> Tensor:
    """Tangent vector at the origin that leads to a point, the inverse of `exp_map`: (..., D) to (..., D).

    A point on the border counts as the closest one within that the number format knows.
    """
    norm = math.sqrt(c) * torch.linalg.vector_norm(y, dim=-1, keepdim=True)
    safe = norm.where(norm > 0, 0.5)
    inside = safe.clamp(max=1 - torch.finfo(y.dtype).eps / 2)
    return y * (inside.atanh() / safe).where(norm > 0, 1.0)


@in_full_precision
def project(y: Tensor, c: float = 1.0, clamp: bool = False) -> Tensor:
    """Points outside the ball pulled to `MARGIN` within: (..., D) to (..., D).

    Args:
        y: any vectors.
        c: curvature.
        clamp: pull in points of the margin too. Without it, rounding decides which of the points close to the border
            stay where they are, and with that their distances.
    """
    norm = math.sqrt(c) * torch.linalg.vector_norm(y, dim=-1, keepdim=True)
    radius = 1 - MARGIN
    pulled = radius / norm.clamp(min=radius)
    return y * pulled.where(norm >= (radius if clamp else 1.0), 1.0)


def to_ball(x: Tensor, c: float = 1.0, clamp: bool = False) -> Tensor:
    """Any vectors as points of the ball: `exp_map`, then `project`; (..., D) to (..., D)."""
    return project(exp_map(x, c), c, clamp)


@in_full_precision
def distance(a: Tensor, b: Tensor, c: float = 1.0, factor: float = 2.0) -> Tensor:
    """Distance of points: arcosh(1 + factor c‖a−b‖² / ((1 − c‖a‖²)(1 − c‖b‖²))) / √c.

    Args:
        a, b: points of the ball, (..., D), that broadcast against each other.
        c: curvature.
        factor: 2 in hyperbolic geometry; HA-CM's criterion has 4.

    Returns:
        (...).
    """
    return _curved(torch.linalg.vector_norm(a - b, dim=-1), gap(a, c), gap(b, c), c, factor)


@in_full_precision
def pairwise_distance(a: Tensor, b: Tensor, c: float = 1.0, factor: float = 2.0) -> Tensor:
    """`distance` of every point of ``a`` (..., N, D) to every point of ``b`` (..., M, D): (..., N, M)."""
    # By differences: the usual ‖a‖² + ‖b‖² − 2ab leaves a rest on the diagonal that the border blows up.
    straight = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return _curved(straight, gap(a, c).unsqueeze(-1), gap(b, c).unsqueeze(-2), c, factor)


def gap(y: Tensor, c: float) -> Tensor:
    """1 − c‖y‖², at least the rounding error of 1: (..., D) to (...)."""
    return (1 - c * y.square().sum(dim=-1)).clamp(min=torch.finfo(y.dtype).eps / 2)


def _curved(straight: Tensor, gap_a: Tensor, gap_b: Tensor, c: float, factor: float) -> Tensor:
    """Distance from the Euclidean one; 2 arsinh(√(z/2)) is arcosh(1 + z), exact and smooth for small z too."""
    root = straight * math.sqrt(factor * c / 2) / (gap_a.sqrt() * gap_b.sqrt())
    return 2 * root.asinh() / math.sqrt(c)
