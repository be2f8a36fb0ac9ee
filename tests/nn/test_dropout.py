"""Dropout by random bytes: as much and as independently as torch's."""

import pytest
import torch
from torch import nn

from kineme.nn.dropout import Dropout

ONES = torch.ones(8, 32, 25, 40)


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_elements_are_dropped_each_by_itself(rate: float) -> None:
    torch.manual_seed(0)
    dropped = (Dropout(rate)(ONES) == 0).double()
    error = 4 * (rate * (1 - rate) / ONES.numel()) ** 0.5
    assert dropped.mean().item() == pytest.approx(rate, abs=error)
    flat = dropped.flatten() - rate
    for lag in range(1, 17):  # elements share a word of eight bytes
        assert abs((flat[lag:] * flat[:-lag]).mean().item()) < error


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("inplace", [False, True])
def test_what_is_kept_is_scaled(form: torch.memory_format, inplace: bool) -> None:
    x = torch.rand(2, 3, 5, 7).add(1).to(memory_format=form)
    before = x.clone()
    kept = Dropout(0.25, inplace)(x)
    assert kept.is_contiguous(memory_format=form)
    assert torch.equal(x, kept if inplace else before)
    torch.testing.assert_close(kept, torch.where(kept != 0, before / 0.75, 0))


@pytest.mark.parametrize("x", [ONES[:, ::2, 3:9], torch.ones(5, 1).expand(5, 7)], ids=["gaps", "repeated"])
def test_any_strides(x: torch.Tensor) -> None:
    dropped = Dropout(0.5)(x)
    assert dropped.shape == x.shape
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_gradients_flow_where_elements_are_kept() -> None:
    x = torch.rand(50).add(1).requires_grad_()
    kept = Dropout(0.5)(x)
    kept.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (kept != 0) * 2.0)


def test_the_seed_decides() -> None:
    runs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        runs.append(Dropout(0.5)(ONES))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_evaluation_drops_nothing() -> None:
    assert torch.equal(Dropout(0.5).eval()(ONES), ONES)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_other_rates_are_left_to_torch(rate: float) -> None:
    results = []
    for kind in (Dropout, nn.Dropout):
        torch.manual_seed(0)
        results.append(kind(rate)(ONES))
    assert torch.equal(*results)
