"""The linear probe against the authors' code: features, pooling, head, loss, and gradients of the head."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.evaluate.pooling import pools
from kineme.evaluate.protocols.linear import LinearHead
from kineme.infer.official import from_official
from kineme.layout import Layout

OURS = {"head.fc.0.": "norm.", "head.fc.1.": "linear."}


class Golden:
    """One golden file with encoder and head, weights loaded."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        cfg = {key[4:]: value.item() for key, value in self.arrays.items() if key.startswith("cfg/")}
        config = SkeletonTransformerConfig(
            width=cfg["dim_feat"],
            depth=cfg["depth"],
            heads=cfg["num_heads"],
            mlp_ratio=cfg["mlp_ratio"],
            segment=cfg["t_patch_size"],
        )
        self.encoder = SkeletonTransformer(config, Layout.get("kinect25"), window=cfg["num_frames"])
        self.head = LinearHead(cfg["dim_feat"], cfg["num_classes"])
        weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}
        ours = from_official({name: value for name, value in weights.items() if not name.startswith("head.")})
        prefix = len("encoder.")
        self.encoder.load_state_dict({name[prefix:]: value for name, value in ours.items()})
        self.head.load_state_dict({head_name(name): weights[name] for name in weights if name.startswith("head.")})

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def batch(self) -> ClipBatch:
        """The clips, from the field's (N, C, T, V, M)."""
        xyz = self.tensor("in/x").permute(0, 4, 2, 3, 1).contiguous()
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips, clips, clips, self.encoder.layout)

    def check(self, key: str, ours: torch.Tensor, rtol: float = 1e-4, atol: float = 1e-5) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol, atol, err_msg=key)


def head_name(official: str) -> str:
    for theirs, ours in OURS.items():
        official = official.replace(theirs, ours)
    return official


@pytest.fixture(params=golden_cases("masked/clf_linprobe*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_features_and_pooling(golden: Golden) -> None:
    tokens = golden.encoder.embed(golden.encoder.segments(golden.batch))
    golden.check("mid/enc_in", tokens)
    for i, block in enumerate(golden.encoder.blocks):
        tokens = block(tokens)
        golden.check(f"mid/enc_block{i}", tokens)
    features = golden.encoder.features(golden.batch)
    golden.check("out/features", features)
    golden.check("out/pooled", pools["mean"](features))


def test_head(golden: Golden) -> None:
    pooled = golden.tensor("out/pooled")
    golden.check("out/logits_plain", golden.head.linear(pooled))
    golden.check("out/logits_eval", golden.head.eval()(pooled))


def test_training_step(golden: Golden) -> None:
    with torch.no_grad():
        pooled = pools["mean"](golden.encoder.features(golden.batch))
    logits = golden.head.train()(pooled)
    golden.check("out/logits_train", logits, rtol=1e-3, atol=1e-4)
    loss = F.cross_entropy(logits, golden.tensor("in/y").long())
    golden.check("out/loss_train", loss)
    mean, variance = golden.head.norm.running_mean, golden.head.norm.running_var
    assert mean is not None
    assert variance is not None
    golden.check("out/bn_running_mean_after", mean)
    golden.check("out/bn_running_var_after", variance)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in golden.head.named_parameters()}
    keys = [key for key in golden.arrays if key.startswith("grad/")]
    assert len(keys) == len(gradients)
    for key in keys:
        ours = gradients[head_name(key[5:])]
        assert ours is not None
        golden.check(key, ours, rtol=1e-3)
