"""Golden files of the contrastive family: their settings, weights and views, everything in float64."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from conftest import load_npz
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_moco import from_official_moco, our_moco_name
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.momentum_contrast import MomentumContrast

LAYOUT = Layout.get("kinect25")
STAGE_ONE, STAGE_TWO = (Progress(step=0, epoch=epoch, epochs=300) for epoch in (0.0, 150.0))


class Golden:
    """One golden file."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.meta = json.loads(self.arrays["in/meta_json"].item())
        self.weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}

    def encoder(self) -> STGCN:
        sizes = STGCNConfig(
            hidden_channels=self.meta["hidden_channels"], width=self.meta["hidden_dim"], dropout=self.meta["dropout"]
        )
        return STGCN(sizes, LAYOUT, self.arrays["in/im_q"].shape[2])

    def settings(self) -> dict[str, object]:
        names = {"features": "feature_dim", "queue_size": "queue_size", "temperature": "temperature"}
        return {ours: self.meta[theirs] for ours, theirs in names.items()} | {"momentum": self.meta["momentum"]}

    def load(self, method: MomentumContrast) -> None:
        assert isinstance(method.encoder, STGCN)
        method.load_state_dict(from_official_moco(self.weights, method.encoder.adjacency))
        method.double().train()

    def view(self, name: str) -> ClipBatch:
        """A view, from the field's (N, C, T, V, M)."""
        xyz = torch.from_numpy(self.arrays[f"in/{name}"]).permute(0, 4, 2, 3, 1).contiguous().double()
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips, clips, clips, LAYOUT)

    def check(self, key: str, ours: Tensor, tolerance: float = 1e-8) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], tolerance, tolerance, err_msg=key)

    def check_parameters(self, prefix: str, ours: dict[str, Tensor], tolerance: float = 1e-8) -> None:
        """Arrays by official name below a prefix; at least one."""
        keys = [key for key in self.arrays if key.startswith(prefix)]
        assert keys, prefix
        for key in keys:
            official = key.removeprefix(prefix)
            value = ours[our_moco_name(official)]
            value = value.T if official == "queue" else value.reshape(self.arrays[key].shape)
            self.check(key, value, tolerance)


def gradients(method: MomentumContrast) -> dict[str, Tensor]:
    return {name: value.grad for name, value in method.named_parameters() if value.grad is not None}
