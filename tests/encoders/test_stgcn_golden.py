"""ST-GCN against the authors' code: maps, statistics, and the released encoder of ActCLR."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_stgcn import from_official_stgcn, our_stgcn_name
from kineme.layout import Layout

LAYOUT = Layout.get("kinect25")
PRECISIONS = {torch.float64: 1e-9, torch.float32: 1e-4}
BACKBONES = golden_cases("contrastive/02_stgcn_backbone*.npz")
RELEASED = golden_cases("contrastive/released_*.npz")


class Classifier(nn.Module):
    """An encoder under a linear layer, as the authors save it."""

    def __init__(self, config: STGCNConfig, window: int, num_classes: int) -> None:
        super().__init__()
        self.encoder = STGCN(config, LAYOUT, window)
        self.head = nn.ModuleDict({"linear": nn.Linear(config.width, num_classes)})


class Golden:
    """One golden file with the classifier it describes, weights loaded, in one precision."""

    def __init__(self, path: Path, precision: torch.dtype = torch.float64) -> None:
        self.arrays, self.precision = load_npz(path), precision
        weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}
        meta = json.loads(self.arrays["in/meta_json"].item())
        config = STGCNConfig(
            hidden_channels=meta.get("hidden_channels", 16), width=meta.get("hidden_dim", 256), dropout=0.0
        )
        window, num_classes = self.arrays["in/x"].shape[2], len(weights[self.head_name(weights)])
        self.network = Classifier(config, window, num_classes)
        self.network.load_state_dict(from_official_stgcn(weights, self.network.encoder.adjacency))
        self.network.to(precision).eval()
        self.encoder = self.network.encoder

    @staticmethod
    def head_name(weights: dict[str, Tensor]) -> str:
        return next(name for name in weights if name.endswith("fc.bias"))

    @property
    def batch(self) -> ClipBatch:
        """The clips, from the field's (N, C, T, V, M)."""
        xyz = torch.from_numpy(self.arrays["in/x"]).permute(0, 4, 2, 3, 1).contiguous().to(self.precision)
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips * 0 + xyz.shape[2], clips, clips, LAYOUT)

    def blocks(self) -> list[Tensor]:
        """Maps of every block on every body, (N*M, D, S, V) each, in evaluation."""
        maps = [self.encoder.normalise(self.encoder.sequences(self.batch))]
        for block in self.encoder.blocks:
            maps.append(block(maps[-1], self.encoder.adjacency))
        return maps[1:]

    def check(self, key: str, ours: Tensor, tolerance: float | None = None) -> None:
        tolerance = tolerance or PRECISIONS[self.precision]
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], tolerance, tolerance, err_msg=key)

    def check_outputs(self, prefix: str, features: Tensor) -> None:
        """Maps, their mean over everything, and logits."""
        pooled = features.mean(dim=(1, 2, 3))
        if f"{prefix}feature_map" in self.arrays:
            self.check(f"{prefix}feature_map", features.flatten(0, 1).permute(0, 3, 1, 2))
        self.check(f"{prefix}pooled", pooled)
        self.check(f"{prefix}logits", self.network.head["linear"](pooled))


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("path", BACKBONES)
def test_evaluation(path: Path, precision: torch.dtype) -> None:
    golden = Golden(path, precision)
    golden.check_outputs("out/eval_", golden.encoder.features(golden.batch))


@pytest.mark.parametrize("path", BACKBONES)
def test_every_block(path: Path) -> None:
    golden = Golden(path)
    normalised = golden.encoder.normalise(golden.encoder.sequences(golden.batch))
    golden.check("mid/data_bn_out", normalised.permute(0, 3, 1, 2).flatten(1, 2), 1e-5)
    checked = [i for i, ours in enumerate(golden.blocks()) if golden.arrays.get(f"mid/block{i}") is not None]
    assert checked
    for i in checked:
        golden.check(f"mid/block{i}", golden.blocks()[i], 1e-5)


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("path", BACKBONES)
def test_training(path: Path, precision: torch.dtype) -> None:
    """Statistics of the batch, absent bodies included, and what they leave behind."""
    golden = Golden(path, precision)
    golden.check_outputs("out/train_", golden.encoder.train().features(golden.batch))
    statistics, after = golden.network.state_dict(), "out/train_after/"
    keys = [key for key in golden.arrays if key.startswith(after)]
    assert len(keys) > 8
    for key in keys:
        golden.check(key, statistics[our_stgcn_name(key.removeprefix(after))])


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("path", RELEASED)
def test_released_encoder(path: Path, precision: torch.dtype) -> None:
    golden = Golden(path, precision)
    features = golden.encoder.features(golden.batch)
    golden.check_outputs("out/", features)
    bodies = features[0].permute(0, 3, 1, 2)
    golden.check("out/feature_map_sample0", bodies, 1e-4)
    golden.check("mid/block3_sample0_body0", golden.blocks()[3][:1], 1e-4)


@pytest.mark.parametrize("path", RELEASED)
def test_released_classes(path: Path) -> None:
    golden = Golden(path, torch.float32)
    pooled = golden.encoder.features(golden.batch).mean(dim=(1, 2, 3))
    logits = golden.network.head["linear"](pooled)
    assert logits.argmax(dim=1).tolist() == golden.arrays["out/logits"].argmax(axis=1).tolist()
