"""The refinement auto-encoder: widths, and the authors' numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.nn.refine import RefinementAutoEncoder, refinement_widths


@pytest.mark.parametrize(
    ("width", "widths"), [(4096, (4096, 2048, 1024, 512)), (64, (64, 32, 16, 16)), (5, (5, 5, 5, 5)), (1, (1, 1, 1, 1))]
)
def test_widths(width: int, widths: tuple[int, ...]) -> None:
    assert refinement_widths(width) == widths


def test_the_code_is_bounded_and_the_reconstruction_is_not() -> None:
    network = RefinementAutoEncoder((6, 5, 3))
    x = 1000 * torch.randn(4, 6)
    assert network.code(x).shape == (4, 3)
    assert network.code(x).abs().amax() <= 1
    with torch.no_grad():
        list(network.decoder.parameters())[-1].fill_(7.0)
    assert network(x).shape == (4, 6)
    assert network(x).amax() > 1


def load(network: RefinementAutoEncoder, arrays: dict[str, np.ndarray]) -> None:
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    for i, layer in enumerate(layers):
        layer.weight.data = torch.from_numpy(arrays[f"w/fc{i}.kernel"]).double().T
        layer.bias.data = torch.from_numpy(arrays[f"w/fc{i}.bias"]).double()


@pytest.mark.parametrize("path", golden_cases("agrnet/refine_autoencoder*.npz"))
def test_golden(path: Path) -> None:
    arrays = load_npz(path)
    layers = sum(key.endswith(".kernel") for key in arrays)
    widths = [len(arrays[f"w/fc{i}.kernel"]) for i in range(layers // 2 + 1)]
    network = RefinementAutoEncoder(widths)
    load(network, arrays)
    optimizer, x = torch.optim.Adam(network.parameters(), lr=1e-4), torch.from_numpy(arrays["in/x"]).double()
    loss = F.mse_loss(network(x), x)
    loss.backward()
    ours = {"code": network.code(x), "recon": network(x), "loss": loss}
    optimizer.step()
    ours["loss_after_step"] = F.mse_loss(network(x), x)
    for name, value in ours.items():
        np.testing.assert_allclose(value.detach(), arrays[f"out/{name}"], rtol=5e-5, atol=5e-5, err_msg=name)
    step = arrays["out/loss"] - arrays["out/loss_after_step"]
    np.testing.assert_allclose((loss - ours["loss_after_step"]).item(), step, rtol=1e-3)
