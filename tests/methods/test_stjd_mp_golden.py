"""STJD-MP against the authors' model, and its masking against a slow float64 oracle."""

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import from_official, our_name, tokeniser_matrix
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.mamp import mask_log_probability, scaled_intensity
from kineme.methods.stjd_mp import STJDMP, STJDMPConfig
from kineme.nn.density import PAPER, JointDensity
from kineme.nn.tokens import to_segments

START = Progress(step=0, epoch=0.0, epochs=1)
LAYOUT = Layout.get("kinect25")
DENSITY_NAMES = {
    "gen_mask.h_values": "density.raw_bandwidth",
    "gen_mask.weights": "density.channel_weight",
    "gen_mask.joint_weights": "density.joint_weight",
    "gen_mask.m.weight": "density.projection.weight",
    "gen_mask.m.bias": "density.projection.bias",
}

Arrays = dict[str, np.ndarray]


def tensor(arrays: Arrays, key: str) -> torch.Tensor:
    return torch.from_numpy(arrays[key])


def close(ours: torch.Tensor, expected: np.ndarray, rtol: float, atol: float = 0.0) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol, atol)


def small_method(window: int, width: int = 16, **changes: object) -> STJDMP:
    sizes = {"width": width, "depth": 1, "heads": 4, "mlp_ratio": 2, "segment": 4}
    sizes |= {key: changes.pop(key) for key in sizes.keys() & changes.keys()}
    decoder = {"decoder_width": width, "decoder_heads": sizes["heads"], "decoder_depth": 1}
    encoder = SkeletonTransformer(SkeletonTransformerConfig.parse(sizes), LAYOUT, window)
    return STJDMP(STJDMPConfig.parse(decoder | changes), encoder)


@pytest.fixture(params=golden_cases("stjd/mp_masking.npz"))
def masking(request: pytest.FixtureRequest) -> Arrays:
    return load_npz(request.param)


def oracle_method(arrays: Arrays) -> STJDMP:
    """A method in double precision whose density is the paper's, with the oracle's bandwidths."""
    config = {key: arrays[f"param/{key}"].item() for key in ("tau", "mask_ratio")}
    segment = arrays["param/t_patch"].item()
    method = small_method(arrays["in/x"].shape[1], segment=segment, **config)
    paper = PAPER.with_changes(bandwidth_param="raw")
    method.density = JointDensity(paper, LAYOUT.num_joints, arrays["mid/tokens"].shape[-1])
    method.density.raw_bandwidth.data = tensor(arrays, "param/h")
    return method.double()


def test_mask_of_the_oracle(masking: Arrays) -> None:
    method = oracle_method(masking)
    segments = to_segments(tensor(masking, "in/x"), masking["param/t_patch"].item())
    close(segments.view(masking["mid/tokens"].shape), masking["mid/tokens"], 0)
    close(method.density(tensor(masking, "mid/tokens")), masking["mid/density"], 1e-9)
    score = method.intensity(segments)
    close(score, masking["mid/score"], 1e-9, 1e-15)
    close(scaled_intensity(score, method.tau), masking["mid/logits"], 1e-9, 1e-12)
    close(mask_log_probability(score, method.tau).exp(), masking["mid/prob"], 1e-9)
    uniform = tensor(masking, "in/uniform")
    key = method.mask_key(segments, uniform)
    close(key, masking["mid/key"], 1e-9, 1e-9)
    np.testing.assert_array_equal(key.argsort(dim=1), masking["out/ids_shuffle"])
    assert method.num_visible == masking["out/len_keep"]
    np.testing.assert_array_equal(method.visible(segments, uniform), masking["out/ids_keep"])


def test_target_and_loss_of_the_oracle(masking: Arrays) -> None:
    method, x = oracle_method(masking), tensor(masking, "in/x")
    target = to_segments(method.target(x), masking["param/t_patch"].item())
    close(target, masking["out/target_raw"], 1e-9, 1e-15)
    close(method.target_tokens(x), masking["out/target"], 1e-9, 1e-12)
    error = (tensor(masking, "in/pred") - method.target_tokens(x)).square().mean(-1)
    mask = tensor(masking, "out/mask")
    close((error * mask).sum() / mask.sum(), masking["out/loss"], 1e-9)


@pytest.fixture(params=golden_cases("stjd/release_mp_model.npz"))
def release(request: pytest.FixtureRequest) -> Arrays:
    return load_npz(request.param)


def released_method(arrays: Arrays) -> STJDMP:
    cfg = {key[4:]: value.item() for key, value in arrays.items() if key.startswith("cfg/")}
    method = small_method(
        arrays["in/x"].shape[2],
        width=cfg["dim"],
        depth=cfg["depth"],
        heads=cfg["heads"],
        mlp_ratio=cfg["mlp_ratio"],
        segment=cfg["t_patch"],
        decoder_depth=cfg["decoder_depth"],
        tau=cfg["tau"],
        mask_ratio=cfg["mask_ratio"],
    )
    state = from_official({key[6:]: tensor(arrays, key) for key in arrays if key.startswith("param/")})
    method.load_state_dict({DENSITY_NAMES.get(name, name): value for name, value in state.items()})
    return method


def batch_of(arrays: Arrays) -> ClipBatch:
    xyz = tensor(arrays, "in/x").permute(0, 4, 2, 3, 1).contiguous()
    clips = torch.arange(len(xyz))
    return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips * 0 + xyz.shape[2], clips, clips, LAYOUT)


def test_mask_of_the_release(release: Arrays) -> None:
    method, uniform = released_method(release), tensor(release, "in/uniform")
    encoder = method.encoder
    segments = encoder.segments(batch_of(release))
    largest = release["mid/score"].max()
    close(method.intensity(segments) / largest, release["mid/score"] / largest, 0, 1e-5)
    close(encoder.embed(segments), release["mid/tokens_embedded"], 1e-5, 1e-6)
    visible = method.visible(segments, uniform)
    np.testing.assert_array_equal(visible, release["out/ids_keep"])
    close(encoder.encode(encoder.embed(segments, visible)), release["mid/latent"], 1e-4, 1e-5)


def test_step_of_the_release(release: Arrays) -> None:
    method = released_method(release)
    everywhere = method.decoder(tensor(release, "mid/latent"), tensor(release, "out/ids_keep").long())
    close(everywhere, release["out/pred"], 1e-4, 1e-5)
    output = method.step([batch_of(release)], {"mask": tensor(release, "in/uniform")}, START)
    np.testing.assert_array_equal(output.artefacts["masked"], release["out/mask"])
    hidden = release["out/mask"].astype(bool)
    close(output.artefacts["prediction"][hidden], release["out/pred"][hidden], 1e-4, 1e-5)
    close(output.artefacts["target"], release["mid/target_normalised"], 1e-4, 1e-5)
    close(output.loss, release["out/loss"], 1e-6)
    output.loss.backward()
    gradients = {name: parameter.grad for name, parameter in method.named_parameters()}
    for key in (key for key in release if key.startswith("grad/")):
        ours, expected = gradients[our_name(key[5:])], tensor(release, key)
        assert ours is not None
        expected = tokeniser_matrix(expected) if key == "grad/joints_embed.proj.weight" else expected
        close(ours, expected.numpy(), 1e-3, 1e-6)
    assert all((gradient is None) == name.startswith("density.") for name, gradient in gradients.items())


def test_absent_bodies_hide_at_random() -> None:
    method, uniform = small_method(16), torch.rand(2, 100, generator=torch.Generator().manual_seed(0))
    key = method.mask_key(torch.zeros(2, 100, 12), uniform)
    assert torch.equal(key.argsort(dim=1), uniform.argsort(dim=1))
    plain = small_method(16, tau=0.0)
    assert plain.mask_key(torch.zeros(2, 100, 12), uniform) is uniform


def test_density_is_saved_and_frozen() -> None:
    method = small_method(16)
    assert {name for name in method.state_dict() if name.startswith("density.")} == set(DENSITY_NAMES.values())
    assert not any(parameter.requires_grad for parameter in method.density.parameters())
