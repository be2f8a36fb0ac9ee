"""Joint density against golden arrays and a slow loop, and what must hold of it whatever the input."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.nn import density as module
from kineme.nn.density import PAPER, RELEASE, DensityConfig, JointDensity, joint_density
from kineme.nn.prime_joints import change_score, density_change

REDUCES = ("mean", "sum", "prod")
CASES = golden_cases("stjd/density_*.npz")
RELEASE_CASES = golden_cases("stjd/release_density_*.npz")
SHAPES = [(1, 1, 1), (2, 4, 2), (6, 13, 3), (3, 25, 12)]
FORMS = [
    PAPER,
    PAPER.with_changes(channel_reduce="sum", normaliser="query", include_self=False),
    PAPER.with_changes(channel_reduce="prod"),
    RELEASE,
    RELEASE.with_changes(normaliser="contributor", include_self=False),
]


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def doubles(arrays: dict[str, np.ndarray], key: str) -> torch.Tensor:
    return torch.from_numpy(arrays[key]).double()


def close(ours: torch.Tensor, expected: np.ndarray, rtol: float, atol: float = 0) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol, atol)


@pytest.mark.parametrize("path", CASES)
def test_paper_form(path: Path) -> None:
    arrays = load_npz(path)
    x, h = doubles(arrays, "in/x"), doubles(arrays, "param/h")
    for reduce in REDUCES:
        config = PAPER.with_changes(channel_reduce=reduce)
        close(joint_density(x, h, config), arrays[f"out/density_{reduce}"], 1e-9)
        close(joint_density(x.float(), h.float(), config), arrays[f"out/density_{reduce}"], 2e-5)
    density = joint_density(x, h)
    close(joint_density(x, torch.ones_like(h)), arrays["out/density_mean_h1"], 1e-9)
    close(density_change(density)[1:], arrays["out/delta_forward_mean"], 1e-9, 1e-14)
    close(density_change(density), arrays["out/delta_aligned_mean"], 1e-9, 1e-14)


@pytest.mark.parametrize("path", CASES)
def test_paper_form_gradients(path: Path) -> None:
    arrays = load_npz(path)
    x, h = (doubles(arrays, key).requires_grad_() for key in ("in/x", "param/h"))
    (joint_density(x, h) * doubles(arrays, "in/cotangent")).sum().backward()
    assert h.grad is not None
    assert x.grad is not None
    close(h.grad, arrays["out/grad_h_mean"], 1e-9, 1e-14)
    close(x.grad, arrays["out/grad_x_mean"], 1e-9, 1e-14)


def released(arrays: dict[str, np.ndarray], normaliser: str = "query") -> JointDensity:
    V, _ = arrays["param/h"].shape
    measure = JointDensity(RELEASE.with_changes(normaliser=normaliser), V, arrays["in/tokens"].shape[-1])
    names = {
        "projection.weight": "conv_weight",
        "projection.bias": "conv_bias",
        "raw_bandwidth": "h",
        "channel_weight": "channel_weights",
        "joint_weight": "joint_weights",
    }
    measure.load_state_dict({ours: torch.from_numpy(arrays[f"param/{theirs}"]) for ours, theirs in names.items()})
    return measure


@pytest.mark.parametrize("path", RELEASE_CASES)
def test_released_form(path: Path) -> None:
    arrays = load_npz(path)
    tokens, measure = doubles(arrays, "in/tokens"), released(arrays).double()
    close(measure.project(tokens).flatten(0, 1), arrays["mid/projected"], 1e-9, 1e-14)
    close(measure(tokens), arrays["out/density"], 1e-6)
    close(released(arrays, "contributor").double()(tokens), arrays["out/density_contributor_normaliser"], 1e-6)
    largest = arrays["out/score"].max()
    close(change_score(measure(tokens)) / largest, arrays["out/score"] / largest, 0, 1e-6)
    close(change_score(measure.float()(tokens.float())) / largest, arrays["out/score_float32"] / largest, 0, 1e-5)


def looped(x: torch.Tensor, measure: JointDensity) -> torch.Tensor:
    """The estimate as its formula reads: one frame, joint, neighbour and channel at a time."""
    config, h = measure.config, measure.bandwidth
    h = h if h.ndim == 2 else h[:, None].expand(x.shape[1:])
    V, C = x.shape[1:]
    a = torch.ones(V) if measure.joint_weight is None else measure.joint_weight
    w = torch.ones(C) if measure.channel_weight is None else measure.channel_weight
    density = x.new_zeros(x.shape[:2])
    for t in range(len(x)):
        for r in range(V):
            for i in range(V):
                height = w / ((h[r] if config.normaliser == "query" else h[i]) * math.sqrt(2 * math.pi))
                kernel = height * (-0.5 * ((x[t, r] - x[t, i]) / h[i]) ** 2).exp()
                counts = config.include_self or i != r
                density[t, r] += counts * a[i] * getattr(kernel, config.channel_reduce)()
    return density / V if config.average_over_joints else density


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("config", FORMS)
def test_batched_equals_looped(config: DensityConfig, shape: tuple[int, int, int], random: torch.Generator) -> None:
    measure = JointDensity(config.with_changes(trainable=True), *shape[1:]).double()
    for parameter in measure.parameters():
        parameter.data += torch.rand(parameter.shape, generator=random) - 0.5
    if measure.channel_weight is not None:
        measure.channel_weight.data[0] *= -1
    x = torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_()
    batched, slow = measure(x), looped(measure.project(x), measure)
    torch.testing.assert_close(batched, slow, rtol=1e-9, atol=1e-14)
    inputs = [x, *measure.parameters()]
    gradients = (torch.autograd.grad(d.square().sum(), inputs, allow_unused=True) for d in (batched, slow))
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("reduce", REDUCES)
def test_translation_and_order_of_joints(reduce: str, random: torch.Generator) -> None:
    config, h = PAPER.with_changes(channel_reduce=reduce), torch.full((17,), 0.3)
    x = torch.randn(2, 5, 17, 3, generator=random, dtype=torch.float64)
    density = joint_density(x, h, config)
    shift = torch.randn(2, 5, 1, 3, generator=random, dtype=torch.float64)
    torch.testing.assert_close(joint_density(x + shift, h, config), density)
    order = torch.randperm(17, generator=random)
    torch.testing.assert_close(joint_density(x[..., order, :], h, config), density[..., order])


def test_order_of_joints_with_their_own_bandwidths(random: torch.Generator) -> None:
    x, h = torch.randn(4, 9, 3, generator=random), torch.rand(9, generator=random) + 0.1
    order = torch.randperm(9, generator=random)
    torch.testing.assert_close(joint_density(x[:, order], h[order]), joint_density(x, h)[:, order])


@pytest.mark.parametrize("config", FORMS)
def test_absent_bodies_and_joints_at_one_place(config: DensityConfig) -> None:
    """Where all joints coincide, as in absent bodies, all is finite and nothing changes but by rounding."""
    measure = JointDensity(config.with_changes(trainable=True), joints=5, channels=3)
    x = torch.zeros(2, 4, 5, 3)
    x[1] = 2.0
    x.requires_grad_()
    density = measure(x)
    density.sum().backward()
    gradients = [x.grad, *(parameter.grad for parameter in measure.parameters())]
    assert density.isfinite().all()
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert change_score(density).max() <= 1e-5 * density.max()


def test_self_term_is_exact_in_large_units(random: torch.Generator) -> None:
    """Joints hundreds of bandwidths apart see themselves alone."""
    x = 1000 * torch.randn(50, 25, 3, generator=random)
    config = PAPER.with_changes(channel_reduce="prod", average_over_joints=False)
    torch.testing.assert_close(joint_density(x, torch.ones(25), config).median(), torch.tensor(math.tau**-1.5))


@pytest.mark.parametrize("config", FORMS)
def test_far_joints_do_no_harm(config: DensityConfig) -> None:
    x = torch.tensor([[0.0, 0, 0], [1e4, 1e4, 1e4], [-1e4, 0, 0]])
    assert joint_density(x, torch.ones(3), config).isfinite().all()


def test_chunks_change_nothing(random: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, h = torch.randn(7, 5, 8, generator=random).requires_grad_(), torch.ones(5).requires_grad_()
    whole = joint_density(x, h)
    expected = torch.autograd.grad(whole.square().sum(), [x, h])
    monkeypatch.setattr(module, "_CHUNK_ELEMENTS", 2 * 5 * 5 * 8)
    chunked = joint_density(x, h)
    torch.testing.assert_close(chunked, whole)
    torch.testing.assert_close(torch.autograd.grad(chunked.square().sum(), [x, h]), expected)


@pytest.mark.parametrize("config", FORMS)
def test_autocast_changes_nothing(config: DensityConfig, random: torch.Generator) -> None:
    measure, x = JointDensity(config, 5, 3), torch.randn(4, 5, 3, generator=random)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = measure(x)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, measure(x))


def test_self_term_is_constant(random: torch.Generator) -> None:
    x, h = torch.randn(6, 5, 3, generator=random, dtype=torch.float64), torch.rand(5, generator=random) + 0.5
    rest = joint_density(x, h) - joint_density(x, h, PAPER.with_changes(include_self=False))
    torch.testing.assert_close(rest, rest[:1].expand_as(rest))


def test_module_starts_at_the_configured_bandwidth() -> None:
    for config in (PAPER.with_changes(h_init=0.25), RELEASE.with_changes(h_init=0.25)):
        measure = JointDensity(config, joints=7, channels=3)
        torch.testing.assert_close(measure.bandwidth, torch.full_like(measure.bandwidth, 0.25))
    measure = JointDensity(PAPER, joints=7, channels=3)
    measure.raw_bandwidth.data.fill_(-50)
    torch.testing.assert_close(measure.bandwidth, torch.full((7,), PAPER.h_min))


def test_released_module_is_frozen_and_saved() -> None:
    measure = JointDensity(RELEASE, joints=7, channels=12)
    assert not any(parameter.requires_grad for parameter in measure.parameters())
    assert len(measure.state_dict()) == 5
    bound = 1 / math.sqrt(12 * 3)
    assert measure.projection is not None
    assert 0.8 * bound < measure.projection.weight.abs().max() <= bound


def test_wrong_settings_and_inputs() -> None:
    with pytest.raises(ConfigError, match=r"h_init 0\.05 must be above h_min"):
        PAPER.with_changes(h_init=0.05)
    with pytest.raises(ConfigError, match="proj_kernel 2 must be odd"):
        RELEASE.with_changes(proj_kernel=2)
    with pytest.raises(LayoutMismatchError, match="bandwidths of 20 joints, the input has 25"):
        joint_density(torch.zeros(3, 25, 3), torch.ones(20))
