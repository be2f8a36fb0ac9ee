"""HA-CM against arrays made by the authors' code, and by that code with its three mix-ups put right."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.infer.official import tokeniser_matrix
from kineme.infer.official_hacm import from_official_hacm, our_hacm_name
from kineme.layout import Layout
from kineme.losses.cross_contrast import similarity
from kineme.methods import Progress
from kineme.methods.hacm import HACM, HACMConfig
from kineme.methods.hacm_criteria import father_distances, joint_distances, ranks, sort_key
from kineme.methods.hacm_groups import decoder_source, even_then_odd
from kineme.methods.mamp import scaled_intensity

START = Progress(step=0, epoch=0.0, epochs=1)
KINECT = Layout.get("kinect25")


class Golden:
    """One golden file with the method it describes, weights loaded."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        self.cfg = {key[4:]: value.tolist() for key, value in self.arrays.items() if key.startswith("cfg/")}
        sizes = BallTransformerConfig(
            width=self.cfg["dim_feat"],
            depth=self.cfg["depth"],
            heads=self.cfg["num_heads"],
            mlp_ratio=self.cfg["mlp_ratio"],
            segment=self.cfg["t_patch_size"],
            clamp_radius=False,
        )
        self.encoder = BallTransformer(sizes, KINECT, window=self.cfg["num_frames"])
        config = HACMConfig(
            layout=self.cfg["variant"],
            keep_fraction=self.cfg["keep_fraction"],
            score_tau=self.cfg["score_tau"],
            father_weight=self.cfg["father_weight"],
            decoder_width=self.cfg["decoder_dim_feat"],
            decoder_depth=self.cfg["decoder_depth"],
            decoder_heads=self.cfg["num_heads"],
        )
        self.method = HACM(config, self.encoder)
        weights = {key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("w/")}
        self.method.load_state_dict(from_official_hacm(weights))

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def batch(self) -> ClipBatch:
        """Batch in our axis order from the field's (N, C, T, V, M)."""
        xyz = self.tensor("in/x").permute(0, 4, 2, 3, 1).contiguous()
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips * 0 + xyz.shape[2], clips, clips, KINECT)

    @property
    def sequences(self) -> torch.Tensor:
        return self.encoder.sequences(self.batch)

    @property
    def ranks(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.tensor("mid/ids_restore_t").long(), self.tensor("mid/ids_restore_s").long()

    def check(self, key: str, ours: torch.Tensor, rtol: float = 1e-4, atol: float = 1e-5) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol, atol, err_msg=key)

    def check_loosely(self, key: str, ours: torch.Tensor) -> None:
        """What depends on distances near the ball's border, or on a sharp softmax."""
        self.check(key, ours, rtol=2e-3, atol=2e-3)


@pytest.fixture(params=golden_cases("masked/hacm_reference*.npz") + golden_cases("masked/hacm_aligned*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_joints(golden: Golden) -> None:
    assert golden.encoder.kept.tolist() == golden.cfg["joints_kept"]
    assert golden.encoder.pruned.tolist() == golden.cfg["joints_pruned"]
    assert golden.method.num_visible == golden.cfg["keep_per_group"]


def test_tokens(golden: Golden) -> None:
    encoder = golden.encoder
    tokens, pruned = encoder.tokens(golden.sequences), encoder.pruned_tokens(golden.sequences)
    golden.check("mid/embed", tokens - encoder.positions().unflatten(1, (encoder.slots, -1)))
    golden.check("mid/embed_pruned", pruned)
    points = encoder.to_ball(tokens)
    golden.check("mid/hyp_tokens", points)
    golden.check("mid/hyp_pruned", encoder.to_ball(pruned))
    golden.check("mid/hyp_odd", even_then_odd(points)[1])


def test_criteria(golden: Golden) -> None:
    method, encoder = golden.method, golden.encoder
    tokens, pruned = encoder.tokens(golden.sequences), encoder.to_ball(encoder.pruned_tokens(golden.sequences))
    points = encoder.to_ball(tokens)
    even, odd = even_then_odd(tokens)[0], even_then_odd(points)[1]
    golden.check("mid/attn_q", method.temporal.query(even))
    golden.check("mid/attn_k", method.temporal.key(even))
    golden.check_loosely("mid/attn", method.temporal.attention(even))
    golden.check_loosely("mid/dist_joint", joint_distances(odd))
    golden.check_loosely("mid/dist_father", father_distances(odd, even_then_odd(pruned)[1]))
    scores = method.scores(golden.sequences, tokens, points)
    for group, score in zip("ts", scores, strict=True):
        tau, uniform = golden.cfg["score_tau"], golden.tensor(f"rng/uniform_{group}")
        golden.check_loosely(f"mid/score_{group}", score)
        golden.check_loosely(f"mid/score_{group}_scaled", scaled_intensity(score, tau))
        golden.check_loosely(f"mid/prob_{group}", scaled_intensity(score, tau).softmax(dim=1))
        golden.check_loosely(f"mid/sort_key_{group}", sort_key(score, tau, uniform))
        order = ranks(score, tau, uniform).argsort(dim=1)
        keep = golden.method.num_visible
        np.testing.assert_array_equal(order[:, :keep].numpy(), golden.arrays[f"mid/ids_keep_{group}"])


def test_forward(golden: Golden) -> None:
    method, encoder, decoder = golden.method, golden.encoder, golden.method.decoder
    keep = method.num_visible
    tokens = method.visible(encoder.to_ball(encoder.tokens(golden.sequences)), golden.ranks)
    golden.check("mid/enc_in", tokens)
    for i, block in enumerate(encoder.blocks):
        tokens = block(tokens)
        golden.check(f"mid/enc_block{i}", tokens)
    latent = encoder.norm(tokens)
    golden.check("out/latent", latent)
    golden.check("mid/dec_embed", decoder.embed(latent))
    source = decoder_source(*golden.ranks, keep, method.config.layout)
    theirs = golden.arrays["mid/ids_restore_final"].clip(max=2 * keep)
    np.testing.assert_array_equal(source.numpy(), theirs)
    golden.check("mid/dec_in", decoder.place(latent, source))
    golden.check("out/pred", decoder(latent, source))


def test_target(golden: Golden) -> None:
    golden.check("mid/target_raw", golden.method.raw_target(golden.sequences))
    golden.check("out/target", golden.method.target_tokens(golden.sequences), atol=1e-4)


def test_contrast(golden: Golden) -> None:
    latent, keep = golden.tensor("out/latent"), golden.method.num_visible
    even, odd, both = (part.mean(dim=1) for part in (latent[:, :keep], latent[:, keep:], latent))
    for key, p, q in [("odd_all", odd, both), ("even_all", even, both), ("even_odd", even, odd)]:
        golden.check(f"mid/sim_{key}", similarity(p, q))
    golden.check("out/contrast_terms", torch.stack(golden.method.contrast_terms(latent)))


def test_step_loss_and_gradients(golden: Golden) -> None:
    draws = {"even": golden.tensor("rng/uniform_t"), "odd": golden.tensor("rng/uniform_s")}
    output = golden.method.step([golden.batch], draws, START)
    np.testing.assert_array_equal(output.artefacts["masked"].numpy(), golden.arrays["out/mask"])
    hidden = output.artefacts["masked"].bool()
    np.testing.assert_allclose(
        output.artefacts["prediction"][hidden].numpy(), golden.tensor("out/pred")[hidden].numpy(), 1e-4, 1e-5
    )
    assert not output.artefacts["prediction"][~hidden].any()
    golden.check("out/target", output.artefacts["target"], atol=1e-4)
    golden.check("out/loss_contrast", output.logs["contrast"])
    golden.check("out/loss_recon", output.logs["prediction"])
    golden.check("out/loss", output.loss)
    output.loss.backward()
    gradients = {name: parameter.grad for name, parameter in golden.method.named_parameters()}
    for key in (key for key in golden.arrays if key.startswith("grad/")):
        expected, ours = golden.tensor(key), gradients[our_hacm_name(key[5:])]
        assert ours is not None, key
        expected = tokeniser_matrix(expected) if expected.ndim == 4 and expected.shape[-1] == 1 else expected
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


def test_all_but_the_criterion_learns(golden: Golden) -> None:
    draws = {"even": golden.tensor("rng/uniform_t"), "odd": golden.tensor("rng/uniform_s")}
    golden.method.step([golden.batch], draws, START).loss.backward()
    untaught = {name for name, parameter in golden.method.named_parameters() if parameter.grad is None}
    assert untaught == {f"temporal.{layer}.{part}" for layer in ("query", "key") for part in ("weight", "bias")}
