"""MAE and MAMP against arrays made by the authors' code: every intermediate, the loss, and the gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import from_official, our_name, tokeniser_matrix
from kineme.layout import Layout
from kineme.methods import Progress, methods
from kineme.methods.mamp import motion_intensity, scaled_intensity
from kineme.methods.masked import MaskedPrediction, keep_count

CASES = golden_cases("masked/mae*.npz") + golden_cases("masked/mamp_*.npz")
START = Progress(step=0, epoch=0.0, epochs=1)


class Golden:
    """One golden file with the method it describes, weights loaded."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.cfg = {key[4:]: value.item() for key, value in self.arrays.items() if key.startswith("cfg/")}
        encoder = SkeletonTransformer(
            SkeletonTransformerConfig(
                width=self.cfg["dim_feat"],
                depth=self.cfg["depth"],
                heads=self.cfg["num_heads"],
                mlp_ratio=self.cfg["mlp_ratio"],
                segment=self.cfg["t_patch_size"],
            ),
            Layout.get("kinect25"),
            window=self.cfg["num_frames"],
        )
        kind = methods.get(self.cfg["kind"])
        own = {key: self.cfg[key] for key in ("tau", "motion_stride") if key in self.cfg}
        config = kind.Config.parse(
            {
                "mask_ratio": self.cfg["mask_ratio"],
                "decoder_width": self.cfg["decoder_dim_feat"],
                "decoder_depth": self.cfg["decoder_depth"],
                "decoder_heads": self.cfg["num_heads"],
                "norm_target": "token" if self.cfg["norm_target"] else "none",
                **own,
            }
        )
        method = kind(config, encoder)
        assert isinstance(method, MaskedPrediction)
        self.method = method
        weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}
        self.method.load_state_dict(from_official(weights))

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def batch(self) -> ClipBatch:
        return batch_of(self.tensor("in/x"))

    def check(self, key: str, ours: torch.Tensor, rtol: float = 1e-4, atol: float = 1e-5) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol, atol, err_msg=key)


def batch_of(x: torch.Tensor) -> ClipBatch:
    """Batch in our axis order from the field's (N, C, T, V, M)."""
    xyz = x.permute(0, 4, 2, 3, 1).contiguous()
    clips = torch.arange(len(xyz))
    return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips * 0 + xyz.shape[2], clips, clips, Layout.get("kinect25"))


@pytest.fixture(params=CASES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_tokens_and_mask(golden: Golden) -> None:
    method, encoder = golden.method, golden.method.encoder
    segments = encoder.segments(golden.batch)
    embedded = encoder.tokeniser(segments)
    golden.check("mid/embed", embedded.unflatten(1, (encoder.slots, -1)))
    golden.check("mid/tokens_pos", encoder.embed(segments))
    key = method.mask_key(segments, golden.tensor("rng/uniform"))
    golden.check("mid/sort_key", key)
    visible = method.visible(segments, golden.tensor("rng/uniform"))
    np.testing.assert_array_equal(visible.numpy(), golden.arrays["mid/ids_keep"])
    if golden.cfg.get("tau", 0) > 0:
        intensity = motion_intensity(segments, encoder.layout.num_joints)
        golden.check("mid/intensity", intensity)
        scaled = scaled_intensity(intensity, golden.cfg["tau"])
        golden.check("mid/intensity_scaled", scaled)
        golden.check("mid/mask_prob", scaled.softmax(dim=1))


def test_forward(golden: Golden) -> None:
    encoder, decoder = golden.method.encoder, golden.method.decoder
    visible = golden.tensor("mid/ids_keep").long()
    tokens = encoder.embed(encoder.segments(golden.batch), visible)
    golden.check("mid/enc_in", tokens)
    for i, block in enumerate(encoder.blocks):
        tokens = block(tokens)
        golden.check(f"mid/enc_block{i}", tokens)
    latent = encoder.norm(tokens)
    golden.check("out/latent", latent)
    golden.check("mid/dec_embed", decoder.embed(latent))
    tokens = decoder.place(latent, visible)
    golden.check("mid/dec_in", tokens)
    for i, block in enumerate(decoder.blocks):
        tokens = block(tokens)
        golden.check(f"mid/dec_block{i}", tokens)
    golden.check("mid/dec_norm", decoder.norm(tokens))
    golden.check("out/pred", decoder(latent, visible))


def test_step_loss_and_gradients(golden: Golden) -> None:
    output = golden.method.step([golden.batch], {"mask": golden.tensor("rng/uniform")}, START)
    np.testing.assert_array_equal(output.artefacts["masked"].numpy(), golden.arrays["out/mask"])
    np.testing.assert_array_equal(output.artefacts["visible"].numpy(), golden.arrays["mid/ids_keep"])
    hidden = output.artefacts["masked"].bool()
    np.testing.assert_allclose(
        output.artefacts["prediction"][hidden].numpy(), golden.tensor("out/pred")[hidden].numpy(), 1e-4, 1e-5
    )
    assert not output.artefacts["prediction"][~hidden].any()
    golden.check("out/target", output.artefacts["target"])
    golden.check("out/loss", output.loss)
    output.loss.backward()
    gradients = {name: parameter.grad for name, parameter in golden.method.named_parameters()}
    for key in (key for key in golden.arrays if key.startswith("grad/")):
        expected, ours = golden.tensor(key), gradients[our_name(key[5:])]
        assert ours is not None, key
        expected = tokeniser_matrix(expected) if expected.ndim == 4 and expected.shape[-1] == 1 else expected
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


def test_every_parameter_learns(golden: Golden) -> None:
    golden.method.step([golden.batch], {"mask": golden.tensor("rng/uniform")}, START).loss.backward()
    assert all(parameter.grad is not None for parameter in golden.method.parameters())


@pytest.mark.parametrize("path", golden_cases("masked/recipe.npz"))
def test_keep_counts(path: Path) -> None:
    for ratio, counts in zip((0.9, 0.8, 0.75), np.moveaxis(load_npz(path)["out/keep_counts"], 1, 0), strict=True):
        assert [keep_count(int(num_tokens), ratio) for num_tokens, _ in counts] == counts[:, 1].tolist()
