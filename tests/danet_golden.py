"""Golden files of DANet: weights under our names, maps with features last, everything in float64."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from conftest import load_npz
from kineme.layout import Layout

LAYOUT = Layout.get("kinect25")
TOLERANCE = 1e-10


class Golden:
    """One golden file."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}

    def number(self, key: str) -> int:
        return int(self.arrays[key])

    def map(self, key: str) -> Tensor:
        """The field's (B, D, T, V) as our (B, T, V, D)."""
        return torch.from_numpy(self.arrays[key]).permute(0, 2, 3, 1)

    def below(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in self.weights.items() if key.startswith(prefix)}

    def check(self, key: str, ours: Tensor) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol=0, atol=TOLERANCE, err_msg=key)

    def check_map(self, key: str, ours: Tensor) -> None:
        self.check(key, ours.permute(0, 3, 1, 2))


def self_attention(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of RSSA or RTSA under our names."""
    stacked = {f"qkv.{kind}": torch.cat([theirs[f"{part}.{kind}"] for part in "qkv"]) for kind in ("weight", "bias")}
    return stacked | {
        "part_qk.weight": torch.cat([theirs["part_q.weight"], theirs["part_k.weight"]]),
        "gamma": theirs["gamma"],
        "beta": theirs["rel_bias"],
        "out.weight": theirs["o.weight"],
        "out.bias": theirs["o.bias"],
    }


def cross_attention(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of cross-attention under our names."""
    qk = {f"qk.{kind}": torch.cat([theirs[f"{part}.{kind}"] for part in "qk"]) for kind in ("weight", "bias")}
    names = {"v": "value", "o": "out"}
    rest = {f"{ours}.{kind}": theirs[f"{name}.{kind}"] for name, ours in names.items() for kind in ("weight", "bias")}
    return qk | rest


def prefixed(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in weights.items()}


def load(module: torch.nn.Module, weights: dict[str, Tensor]) -> None:
    """All weights, into a module in float64 and evaluation; batch norms' counters alone may be missing."""
    missing, unexpected = module.double().eval().load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
