"""Networks as they are trained on several devices."""

import pytest
import torch
from torch import nn

from kineme.layout import Layout
from kineme.methods import Method
from kineme.train.build import build_method, share_batch_norms
from small import small_pair


def method() -> Method:
    return build_method(small_pair("skeletonclr", "stgcn"), Layout.get("kinect20"), 3)


def norms(network: nn.Module) -> list[type[nn.Module]]:
    """Kinds of the batch norms, in order."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    return [type(module) for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize(("device", "processes"), [("cpu", 2), ("cuda", 1)])
def test_batch_norms_stay(device: str, processes: int) -> None:
    shared = method()
    share_batch_norms(shared, torch.device(device), processes)
    assert norms(shared) == norms(method())


def test_batch_norms_are_shared() -> None:
    plain, shared = method(), method()
    share_batch_norms(shared, torch.device("cuda"), 2)
    assert norms(shared) == [nn.SyncBatchNorm] * len(norms(plain))
    learned = [(name, weight.requires_grad) for name, weight in plain.named_parameters()]
    assert [(name, weight.requires_grad) for name, weight in shared.named_parameters()] == learned
    weights, expected = shared.state_dict(), plain.state_dict()
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
