"""The Poincaré ball: against arrays made by the authors' code, and by its own laws."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.nn.poincare import MARGIN, distance, exp_map, log_map, pairwise_distance, project, to_ball

CURVATURES = pytest.mark.parametrize("c", [1.0, 0.3, 4.0])
BORDER = 1 - MARGIN


def vectors(norms: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
    """Random directions with given norms: (len(norms), 32)."""
    directions = torch.randn(len(norms), 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    directions /= directions.norm(dim=1, keepdim=True)
    return (directions * torch.tensor(norms, dtype=torch.float64).unsqueeze(1)).to(dtype)


@pytest.mark.parametrize("path", golden_cases("masked/hyperbolic_ops.npz"))
def test_against_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    for d in {key.rsplit("_", 1)[1] for key in arrays}:
        x, ball, saturated = (torch.from_numpy(arrays[f"in/{key}_{d}"]) for key in ("x", "ball", "ball_sat"))
        for key, ours, tolerance in [
            (f"expmap_{d}", exp_map(x), 1e-5),
            (f"project_{d}", project(x), 1e-5),
            (f"expmap_project_{d}", to_ball(x), 1e-5),
            (f"logmap_{d}", log_map(ball), 1e-5),
            (f"dist_{d}", distance(ball[:, None], ball, factor=4), 1e-3),
            (f"dist_{d}", pairwise_distance(ball, ball, factor=4), 1e-3),
            (f"dist_sat_{d}", distance(saturated[:, None], saturated, factor=4), 2e-2),
            (f"dist_sat_{d}", pairwise_distance(saturated, saturated, factor=4), 2e-2),
        ]:
            rtol = max(tolerance, 1e-4)
            np.testing.assert_allclose(ours.numpy(), arrays[f"out/{key}"], rtol, tolerance, err_msg=key)


@CURVATURES
def test_maps_are_inverse(c: float) -> None:
    x = vectors([0, 1e-6, 0.1, 1, 3], torch.float64)
    torch.testing.assert_close(log_map(exp_map(x, c), c), x, rtol=1e-9, atol=1e-12)
    y = vectors([0, 1e-6, 0.5, 0.999], torch.float64) / c**0.5
    torch.testing.assert_close(exp_map(log_map(y, c), c), y, rtol=1e-9, atol=1e-12)


@CURVATURES
def test_distance_is_a_metric(c: float) -> None:
    points = to_ball(vectors([0, 0.01, 0.5, 1, 2, 2], torch.float64), c)
    d = pairwise_distance(points, points, c)
    torch.testing.assert_close(d, distance(points[:, None], points, c), rtol=1e-9, atol=0)
    assert torch.equal(d, d.T)
    assert not d.diagonal().any()
    assert (d[:, None] + d[None] >= d[:, :, None] - 1e-9).all()


@CURVATURES
def test_distance_from_the_origin_is_twice_the_tangent_norm(c: float) -> None:
    x = vectors([1e-4, 0.1, 1, 3], torch.float64)
    d = distance(to_ball(x, c), torch.zeros_like(x), c)
    torch.testing.assert_close(d, 2 * x.norm(dim=1), rtol=1e-9, atol=0)


def test_small_curvature_is_flat() -> None:
    a, b = vectors([1, 2], torch.float64)
    assert distance(a, b, 1e-8).item() == pytest.approx(2 * (a - b).norm().item(), rel=1e-6)


def test_factor_is_the_constant_in_the_formula() -> None:
    a, b = vectors([0.3, 0.8], torch.float64)
    argument = 1 + 4 * (a - b).square().sum() / ((1 - a.square().sum()) * (1 - b.square().sum()))
    torch.testing.assert_close(distance(a, b, factor=4), argument.acosh(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("norm", [0.0, 1e-30, 1e-3, 5.0, 9.0, 1e3])
def test_finite_everywhere(norm: float) -> None:
    """Values and gradients, of tangent vectors of any length and of points on the border."""
    x = vectors([norm, norm, 0.0]).requires_grad_()
    ball = to_ball(x)
    outcomes = [ball, log_map(ball), pairwise_distance(ball, ball), distance(ball, ball), log_map(x / max(norm, 1e-30))]
    assert all(outcome.isfinite().all() for outcome in outcomes)
    for outcome in outcomes:
        (gradient,) = torch.autograd.grad(outcome.sum(), x, retain_graph=True)
        assert gradient.isfinite().all()


def test_distance_on_the_border_is_finite() -> None:
    points = torch.eye(3).requires_grad_()
    d = pairwise_distance(points, points)
    assert d.isfinite().all()
    assert not d.diagonal().any()
    d.sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_the_origin_stays() -> None:
    x = torch.zeros(1, 4, requires_grad=True)
    y = to_ball(x)
    assert not y.any()
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones_like(x)), "near the origin the ball is flat"


def test_clamp_makes_saturation_deterministic() -> None:
    x = vectors([9.0, 12.0, 20.0, 1e3] * 50)
    radii = to_ball(x).norm(dim=1)
    assert radii.max() - radii.min() > MARGIN / 2, "without it, rounding decides"
    clamped = to_ball(x, clamp=True).norm(dim=1)
    torch.testing.assert_close(clamped, torch.full_like(clamped, BORDER), rtol=2e-7, atol=0)
    inner = vectors([0.1, 0.9, BORDER - 1e-6])
    assert torch.equal(project(inner, clamp=True), inner)


def test_autocast_changes_nothing() -> None:
    x = vectors([0.5, 5.0, 20.0])
    narrow = x.bfloat16()
    for operation in (exp_map, to_ball, project, lambda v: log_map(to_ball(v)), lambda v: pairwise_distance(v, v)):
        plain = operation(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast, rounded = operation(x), operation(narrow)
        assert torch.equal(cast, plain)
        assert rounded.dtype == torch.float32
        assert torch.equal(rounded, operation(narrow.float()))
