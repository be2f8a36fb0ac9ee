"""ADGA against Informer's distilling layer, and its lengths."""

import pytest
import torch
from torch.nn import functional as F

from agrnet_golden import Golden, double
from conftest import golden_cases
from kineme.nn.distilling import Distilling, distilled_length


@pytest.fixture(params=golden_cases("agrnet/distil*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_both_modes(golden: Golden, parity: str) -> None:
    x = golden[f"in/{parity}"]
    with double():
        ours = Distilling(x.shape[-1])
    golden.load(ours)
    golden.check(f"out/{parity}_eval", ours(x))
    golden.check(f"out/{parity}_train", ours.train()(x))
    for name in ("running_mean", "running_var"):
        golden.check(f"out/{parity}_{name}_after", ours.norm.get_buffer(name))


@pytest.mark.parametrize(("length", "attenuation", "left"), [(50, 2, 25), (25, 2, 13), (50, 3, 17), (50, 1, 50)])
def test_lengths(length: int, attenuation: int, left: int) -> None:
    assert distilled_length(length, attenuation) == left
    assert Distilling(4, attenuation)(torch.zeros(2, length, 4)).shape == (2, left, 4)


def test_a_closed_gate_leaves_the_dominant_tokens() -> None:
    x, gated = torch.randn(2, 9, 4), Distilling(4, gate=True)
    assert gated.gate is not None
    with torch.no_grad():
        gated.gate.zero_()
    expected = F.max_pool1d(x.mT, kernel_size=3, stride=2, padding=1).mT
    assert torch.equal(gated(x), expected)
