"""Pooling, resizing and mixing with masks against golden arrays and by their properties."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.nn.density import DensityConfig, joint_density
from kineme.nn.prime_joints import PrimeConfig, change_score, prime_mask, score_norms
from kineme.nn.prime_pooling import has_cells, mix_cells, prime_pooling, resize_mask

Arrays = dict[str, np.ndarray]


@pytest.fixture(params=golden_cases("stjd/cl_pipeline.npz"))
def arrays(request: pytest.FixtureRequest) -> Arrays:
    return load_npz(request.param)


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def tensor(arrays: Arrays, key: str) -> Tensor:
    return torch.from_numpy(arrays[key])


def check(arrays: Arrays, key: str, ours: Tensor) -> None:
    np.testing.assert_allclose(ours.numpy(), arrays[key], rtol=1e-9, atol=1e-13, err_msg=key)


def features_of(arrays: Arrays) -> Tensor:
    """(B*M, S, V, D) from the field's (B*M, D, S, V)."""
    return tensor(arrays, "in/features").permute(0, 2, 3, 1)


def test_masks_of_features(arrays: Arrays) -> None:
    density = joint_density(features_of(arrays), tensor(arrays, "param/h"), DensityConfig())
    check(arrays, "mid/density", density)
    score = change_score(density)
    check(arrays, "mid/score", score)
    check(arrays, "mid/score_norm", score_norms["sample_mean"](score))
    config = PrimeConfig(beta=arrays["param/beta"].item())
    mask = prime_mask(density, config, tensor(arrays, "in/present").bool())
    np.testing.assert_array_equal(mask.numpy(), arrays["out/mask"])


def test_pools(arrays: Arrays) -> None:
    features, mask = features_of(arrays), tensor(arrays, "out/mask")
    prime, nonprime = prime_pooling(features, mask)
    check(arrays, "out/prime_pool", prime)
    check(arrays, "out/nonprime_pool", nonprime)
    check(arrays, "out/prime_pool_zero_policy", prime_pooling(features, mask, "zero")[0])


def test_resized_and_mixed(arrays: Arrays) -> None:
    mask, frames = tensor(arrays, "out/mask"), arrays["in/x_keep"].shape[2]
    check(arrays, "out/mask_up_linear", resize_mask(mask, frames, "linear"))
    check(arrays, "out/mask_up_nearest", resize_mask(mask, frames, "nearest"))
    keep, strong = (tensor(arrays, f"in/x_{name}").permute(0, 2, 3, 1) for name in ("keep", "strong"))
    check(arrays, "out/x_mixed", mix_cells(keep, strong, resize_mask(mask, frames)).permute(0, 3, 1, 2))


def test_pools_are_means_of_their_cells(random: torch.Generator) -> None:
    features = torch.randn(2, 3, 4, 5, 6, generator=random, dtype=torch.float64)
    mask = (torch.rand(2, 3, 4, 5, generator=random) < 0.4).double()
    prime, nonprime = prime_pooling(features, mask)
    chosen = mask[1, 2].bool()
    torch.testing.assert_close(prime[1, 2], features[1, 2][chosen].mean(0), rtol=1e-5, atol=0)
    torch.testing.assert_close(nonprime[1, 2], features[1, 2][~chosen].mean(0), rtol=1e-5, atol=0)


def test_full_and_empty_masks(random: torch.Generator) -> None:
    features = torch.randn(1, 4, 5, 6, generator=random)
    mean = features.mean(dim=(1, 2))
    for mask, wanted in ((torch.zeros(1, 4, 5), (mean, mean)), (torch.ones(1, 4, 5), (mean, 0 * mean))):
        torch.testing.assert_close(prime_pooling(features, mask), wanted, rtol=1e-4, atol=1e-6)
    assert not prime_pooling(features, torch.zeros(1, 4, 5), "zero")[0].any()


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("empty", ["global", "zero"])
def test_gradients_of_masks_stay_bounded(value: float, empty: str, random: torch.Generator) -> None:
    """A mean over nothing would pass the mask gradients of a hundred thousand."""
    features = torch.randn(1, 4, 5, 6, generator=random)
    mask = torch.full((1, 4, 5), value).requires_grad_()
    torch.cat(prime_pooling(features, mask, "zero" if empty == "zero" else "global")).sum().backward()
    assert mask.grad is not None
    assert 0 < mask.grad.abs().max() < 10


def test_masks_learn_by_finite_differences(random: torch.Generator) -> None:
    features = torch.randn(2, 3, 4, 5, generator=random, dtype=torch.float64)
    mask = torch.rand(2, 3, 4, generator=random, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: prime_pooling(features, m), mask)


def test_pools_stay_in_single_precision(random: torch.Generator) -> None:
    features, mask = torch.randn(1, 4, 5, 6, generator=random), torch.rand(1, 4, 5, generator=random)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = prime_pooling(features, mask)
    assert all(torch.equal(*pair) for pair in zip(mixed, prime_pooling(features, mask), strict=True))


def test_has_cells() -> None:
    mask = torch.zeros(3, 2, 2)
    mask[1, 0, 1], mask[2] = 1.0, 0.4
    assert has_cells(mask).tolist() == [False, True, False]


@given(st.integers(1, 9), st.integers(1, 40))
def test_resized_masks(slots: int, frames: int) -> None:
    mask = (torch.arange(2 * slots * 3) % 4 < 2).float().view(2, slots, 3)
    linear, nearest = resize_mask(mask, frames, "linear"), resize_mask(mask, frames, "nearest")
    assert linear.shape == nearest.shape == (2, frames, 3)
    assert ((linear >= 0) & (linear <= 1)).all()
    source = [int(np.floor(t * slots / frames)) for t in range(frames)]
    assert torch.equal(nearest, mask[:, source])
    ends = [0, -1] if frames > 1 else [0]
    torch.testing.assert_close(linear[:, ends], mask[:, ends])


def test_mixed_cells_are_those_of_their_view(random: torch.Generator) -> None:
    prime, other = torch.randn(2, 2, 3, 4, 3, generator=random)
    mask = (torch.rand(2, 3, 4, generator=random) < 0.5).float()
    mixed = mix_cells(prime, other, mask)
    assert torch.equal(mixed, torch.where(mask[..., None].bool(), prime, other))
    torch.testing.assert_close(mix_cells(prime, other, torch.full_like(mask, 0.5)), (prime + other) / 2)
