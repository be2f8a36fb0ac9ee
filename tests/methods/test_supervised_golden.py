"""Fine-tuned networks and linear probes against the authors' code: features, pooling, heads, losses, gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.encoders.token_encoder import TokenEncoder
from kineme.evaluate.pooling import pools
from kineme.infer.official import from_official, our_name, tokeniser_matrix
from kineme.infer.official_hacm import from_official_hacm
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.nn.heads import JointHead, PooledLinearHead

LAYOUT = Layout.get("kinect25")
START = Progress(step=0, epoch=0.0, epochs=1)
LINEAR = golden_cases("masked/clf_linprobe*.npz") + golden_cases("masked/hacm_clf_linprobe*.npz")
JOINT = golden_cases("masked/clf_finetune*.npz") + golden_cases("masked/hacm_clf_finetune*.npz")


class Golden:
    """One golden file with the classifier it describes, weights loaded."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.cfg = {key[4:]: value.item() for key, value in self.arrays.items() if key.startswith("cfg/")}
        self.encoder = self._encoder()
        config = SupervisedConfig(
            num_classes=self.cfg["num_classes"],
            head="joint" if self.cfg["protocol"] == "finetune" else "linear",
            hidden=max(self.cfg["hidden_dim"], 1),
            dropout=0.0,
        )
        self.method = Supervised(config, self.encoder)
        weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}
        rename = from_official_hacm if self.is_hacm else from_official
        self.method.load_state_dict(rename(weights))

    @property
    def is_hacm(self) -> bool:
        return self.cfg["kind"] == "hacm"

    def _encoder(self) -> TokenEncoder:
        sizes = {
            "width": self.cfg["dim_feat"],
            "depth": self.cfg["depth"],
            "heads": self.cfg["num_heads"],
            "mlp_ratio": self.cfg["mlp_ratio"],
            "segment": self.cfg["t_patch_size"],
        }
        if self.is_hacm:
            return BallTransformer(BallTransformerConfig(**sizes, clamp_radius=False), LAYOUT, self.cfg["num_frames"])
        return SkeletonTransformer(SkeletonTransformerConfig(**sizes), LAYOUT, self.cfg["num_frames"])

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def batch(self) -> ClipBatch:
        """The labelled clips, from the field's (N, C, T, V, M)."""
        xyz = self.tensor("in/x").permute(0, 4, 2, 3, 1).contiguous()
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips, clips, self.tensor("in/y").long(), LAYOUT)

    def check(self, key: str, ours: torch.Tensor, rtol: float = 1e-4, atol: float = 1e-5) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol, atol, err_msg=key)

    def check_gradients(self) -> None:
        gradients = {name: parameter.grad for name, parameter in self.method.named_parameters()}
        keys = [key for key in self.arrays if key.startswith("grad/")]
        assert keys
        for key in keys:
            ours, expected = gradients[our_name(key[5:])], self.tensor(key)
            assert ours is not None, key
            expected = tokeniser_matrix(expected) if expected.ndim == 4 and expected.shape[-1] == 1 else expected
            np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


@pytest.fixture(params=LINEAR)
def linear(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture(params=JOINT)
def joint(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.mark.parametrize("path", LINEAR + JOINT)
def test_features(path: Path) -> None:
    golden = Golden(path)
    tokens = golden.tensor("mid/enc_in")
    for i, block in enumerate(golden.encoder.blocks):
        tokens = block(tokens)
        golden.check(f"mid/enc_block{i}", tokens)
    golden.check("out/features", golden.encoder.features(golden.batch))


def test_linear_head(linear: Golden) -> None:
    head, features = linear.method.head, linear.tensor("out/features")
    assert isinstance(head, PooledLinearHead)
    linear.check("out/pooled", pools["mean"](features))
    linear.check("out/logits_plain", head.linear(pools["mean"](features)))
    linear.check("out/logits_eval", head.eval()(features))


def test_linear_training_step(linear: Golden) -> None:
    """As the probe trains: the encoder frozen, no label smoothing."""
    head, batch = linear.method.head, linear.batch
    with torch.no_grad():
        features = linear.encoder.features(batch)
    logits = head.train()(features)
    linear.check("out/logits_train", logits, rtol=1e-3, atol=1e-4)
    loss = F.cross_entropy(logits, batch.label)
    linear.check("out/loss_train", loss)
    check_running_statistics(linear, "norm")
    loss.backward()
    linear.check_gradients()


def test_joint_head(joint: Golden) -> None:
    head = joint.method.head
    assert isinstance(head, JointHead)
    joint.check("out/head_in", head.pool(joint.tensor("out/features")))
    joint.check("out/logits_eval", joint.method.eval().logits(joint.batch))


def test_fine_tuning_step(joint: Golden) -> None:
    """Without dropout and stochastic depth, which the golden run had none of."""
    output = joint.method.train().step([joint.batch], {}, START)
    joint.check("out/logits_train_nodrop", output.artefacts["logits"], rtol=1e-3, atol=1e-4)
    joint.check("out/loss_train_nodrop", output.loss)
    check_running_statistics(joint, "bn")
    output.loss.backward()
    joint.check_gradients()


def check_running_statistics(golden: Golden, norm: str) -> None:
    statistics = dict(golden.method.head.named_buffers())
    golden.check("out/bn_running_mean_after", statistics[f"{norm}.running_mean"])
    golden.check("out/bn_running_var_after", statistics[f"{norm}.running_var"])
