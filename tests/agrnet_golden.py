"""Golden files of AgRNet: Informer's modules and the authors' driver under our names, in float64."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from conftest import load_npz

_NAMES = {
    "enc_embedding.value_embedding.tokenConv": "embedding.conv",
    "encoder.attn_layers": "towers.0.layers",
    "encoder.conv_layers": "towers.0.distils",
    "encoder.norm": "towers.0.norm",
    "downConv": "conv",
    "conv1": "fc1",
    "conv2": "fc2",
    "out_projection": "proj",
}
_PROJECTIONS = ("query_projection", "key_projection", "value_projection")


class Golden:
    """One golden file."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.weights = self.under("w/")

    def __getitem__(self, key: str) -> Tensor:
        array = torch.from_numpy(self.arrays[key])
        return array.double() if array.is_floating_point() else array

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose keys begin with a prefix, without it."""
        return {key.removeprefix(prefix): self[key] for key in self.arrays if key.startswith(prefix)}

    def number(self, key: str) -> int:
        return int(self.arrays[key])

    def check(self, key: str, ours: Tensor, tolerance: float = 1e-9) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], tolerance, tolerance, err_msg=key)

    def load(self, module: nn.Module) -> None:
        """Informer's weights into a module of ours, which is left in evaluation mode."""
        missing = module.load_state_dict(from_informer(self.weights), strict=False)
        assert not missing.unexpected_keys
        assert all(key.endswith("num_batches_tracked") for key in missing.missing_keys)
        module.eval()


@contextlib.contextmanager
def double() -> Iterator[None]:
    """Modules that are built meanwhile have double precision, tables included."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def from_informer(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; three projections become one."""
    ours: dict[str, Tensor] = {}
    for name, value in weights.items():
        own = name
        for old, new in _NAMES.items():
            own = own.replace(old, new)
        if _PROJECTIONS[0] in name:
            merged = [weights[name.replace(_PROJECTIONS[0], each)] for each in _PROJECTIONS]
            ours[own.replace(_PROJECTIONS[0], "qkv")] = torch.cat(merged)
        elif not any(each in name for each in _PROJECTIONS):
            ours[own] = value.flatten(1) if "fc" in own and value.ndim == 3 else value
    return ours


def from_driver(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the recurrent part, whose kernels (D + R, R') hold input and state; torch's second bias is zero.

    Returns:
        Tensors by our names below ``summary``, ``cells.temporal``, ``cells.spatial`` and ``read_out``.
    """
    ours = {"read_out.weight": weights["proj.kernel"].T, "read_out.bias": weights["proj.bias"]}
    for name, kernel in weights.items():
        if name.startswith("enc.") and name.endswith("kernel"):
            ours |= _layer(name, kernel, weights[name.replace("kernel", "bias")])
    width = weights["proj.kernel"].shape[1]
    of_input, of_state = _halves(weights["dec_t.kernel"], width)
    ours |= {"cells.temporal.of_input.weight": of_input, "cells.temporal.of_state.weight": of_state}
    ours["cells.temporal.of_input.bias"] = weights["dec_t.bias"]
    gates, candidate = (_halves(weights[f"dec_s.{each}.kernel"], width) for each in ("gates", "candidate"))
    ours["cells.spatial.of_input.weight"] = torch.cat([gates[0], candidate[0]])
    ours["cells.spatial.of_input.bias"] = torch.cat([weights["dec_s.gates.bias"], weights["dec_s.candidate.bias"]])
    ours["cells.spatial.gates_of_state.weight"] = gates[1]
    ours["cells.spatial.candidate_of_state.weight"] = candidate[1]
    return ours


def _layer(name: str, kernel: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """One direction of a layer of the recurrent encoder."""
    _, layer, direction, _ = name.split(".")
    place = f"l{layer}" + ("_reverse" if direction == "bw" else "")
    of_input, of_state = _halves(kernel, len(kernel) - kernel.shape[1])
    ours = {"weight_ih": of_input, "weight_hh": of_state, "bias_ih": bias, "bias_hh": torch.zeros_like(bias)}
    return {f"summary.rnn.{key}_{place}": value for key, value in ours.items()}


def _halves(kernel: Tensor, width: int) -> tuple[Tensor, Tensor]:
    return kernel[:width].T, kernel[width:].T
