"""Linear layers by oneDNN: as torch's own, and only where they are."""

from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from kineme.nn import matmul
from kineme.nn.matmul import Linear, onednn, onednn_is_exact

needs_setting = pytest.mark.skipif(not hasattr(torch.backends.mkldnn, "matmul"), reason="torch is too old")


@pytest.fixture
def layers() -> tuple[Linear, nn.Linear]:
    """Ours and torch's with the same weights, in double precision there."""
    ours, exact = Linear(64, 48), nn.Linear(64, 48)
    exact.load_state_dict(ours.state_dict())
    return ours, exact.double()


@pytest.fixture
def _fresh_trial() -> Iterator[None]:
    onednn_is_exact.cache_clear()
    yield
    onednn_is_exact.cache_clear()


@pytest.mark.parametrize("shape", [(64,), (30, 64), (3, 50, 64), (0, 64)])
@pytest.mark.parametrize("exact", [True, False])
def test_products_and_gradients(layers: tuple[Linear, nn.Linear], shape: tuple[int, ...], exact: bool) -> None:
    if exact and not onednn_is_exact():
        pytest.skip("oneDNN is not exact here")
    x = torch.randn(shape, requires_grad=True)
    twice = x.detach().double().requires_grad_()
    with patch.object(matmul, "onednn_is_exact", lambda: exact):
        for layer, inputs in zip(layers, (x, twice), strict=True):
            layer(inputs).square().sum().backward()
    close = {"rtol": 1e-4, "atol": 1e-4, "check_dtype": False}
    torch.testing.assert_close(layers[0](x), layers[1](twice), **close)
    torch.testing.assert_close(x.grad, twice.grad, **close)
    for ours, theirs in zip(layers[0].parameters(), layers[1].parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, **close)


@pytest.mark.parametrize("shape", [(64,), (30, 64), (3, 50, 64), (0, 64)])
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_the_same_without_gradients(
    layers: tuple[Linear, nn.Linear], shape: tuple[int, ...], context: type[torch.no_grad]
) -> None:
    ours, exact = layers
    for x in (torch.randn(shape), torch.randn(*shape[:-1], 128)[..., ::2]):
        with context():
            plain, activated = ours(x), ours.gelu(x)
        torch.testing.assert_close(plain.double(), exact(x.double()), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(activated.double(), F.gelu(exact(x.double())), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.gelu(x), activated)


@needs_setting
def test_the_setting_is_put_back() -> None:
    setting = torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue]
    before = setting.fp32_precision
    with pytest.raises(RuntimeError), onednn():
        assert setting.fp32_precision == "bf16"
        torch.mm(torch.ones(2, 3), torch.ones(2, 3))
    assert setting.fp32_precision == before


@needs_setting
@pytest.mark.usefixtures("_fresh_trial")
def test_a_processor_that_rounds_is_found_out() -> None:
    """Where the setting leads to products in bfloat16, layers stay with torch's own."""

    def rounding(a: torch.Tensor, b: torch.Tensor) -> float:
        exact = a @ b
        return ((a.bfloat16() @ b.bfloat16() - exact).norm() / exact.norm()).item()

    with patch.object(matmul, "_relative_error", rounding):
        assert not onednn_is_exact()
        with patch.object(matmul, "onednn", lambda: pytest.fail("oneDNN was used")):
            Linear(8, 8)(torch.ones(2, 8)).sum().backward()


@pytest.mark.usefixtures("_fresh_trial")
def test_torch_without_the_setting() -> None:
    with patch.object(torch.backends, "mkldnn", SimpleNamespace()):
        assert not onednn_is_exact()


def test_other_precisions_are_left_to_torch() -> None:
    with patch.object(matmul, "onednn", lambda: pytest.fail("oneDNN was used")):
        assert Linear(8, 8).double()(torch.ones(2, 8).double()).dtype == torch.float64
        with torch.autocast("cpu", torch.bfloat16):
            assert Linear(8, 8)(torch.ones(2, 8)).dtype == torch.bfloat16


def test_frozen_layers_and_inputs() -> None:
    layer = Linear(8, 8)
    layer.weight.requires_grad_(False)
    x = torch.ones(2, 8, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    assert x.grad is not None
    layer.weight.requires_grad_(True)
    layer(x.detach()).sum().backward()
    assert layer.weight.grad is not None
