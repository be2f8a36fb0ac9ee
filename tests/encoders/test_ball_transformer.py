"""HA-CM's encoder: against arrays made by the authors' code, and what it does to joints and radii."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.infer.official_hacm import from_official_hacm
from kineme.layout import Layout
from kineme.nn.poincare import MARGIN
from kineme.transforms import CentreCrop
from ragged import ragged_store

KINECT = Layout.get("kinect25")
CONFIG = BallTransformerConfig(width=16, depth=2, heads=2, segment=4)


def batch_of(layout: str = "kinect25", window: int = 16) -> ClipBatch:
    clips = ragged_store(0, [(2, 30), (1, 9)], layout).gather([0, 1])
    return CentreCrop(window, 2)(clips, torch.Generator())


@pytest.mark.parametrize("path", golden_cases("masked/hacm_clf_*.npz"))
def test_features_of_the_authors_network(path: Path) -> None:
    arrays = load_npz(path)
    cfg = {key[4:]: value.item() for key, value in arrays.items() if key.startswith("cfg/")}
    sizes = BallTransformerConfig(
        width=cfg["dim_feat"],
        depth=cfg["depth"],
        heads=cfg["num_heads"],
        mlp_ratio=cfg["mlp_ratio"],
        segment=cfg["t_patch_size"],
        clamp_radius=False,
    )
    network = BallTransformer(sizes, KINECT, window=cfg["num_frames"])
    weights = {
        key[2:]: torch.from_numpy(value) for key, value in arrays.items() if key.startswith("w/") and "head" not in key
    }
    named = from_official_hacm(weights).items()
    network.load_state_dict({name.removeprefix("encoder."): value for name, value in named})
    xyz = torch.from_numpy(arrays["in/x"]).permute(0, 4, 2, 3, 1).contiguous()
    batch = batch_of().with_xyz(xyz)
    tokens = network.tokens(network.sequences(batch))
    points = network.to_ball(tokens).flatten(1, 2)
    for key, ours in [
        ("mid/embed", tokens - network.positions().unflatten(1, (network.slots, -1))),
        ("mid/enc_in", points),
        ("mid/enc_block0", network.blocks[0](points)),
        ("out/features", network.features(batch)),
    ]:
        np.testing.assert_allclose(ours.detach().numpy(), arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_pruned_joints_change_nothing() -> None:
    network, batch = BallTransformer(CONFIG, KINECT, window=16).eval(), batch_of()
    features = network.features(batch)
    assert features.shape == (2, 2, 4, 18, 16)
    xyz = batch.xyz.clone()
    xyz[:, :, :, KINECT.indices(CONFIG.pruned)] += 1
    assert torch.equal(network.features(batch.with_xyz(xyz)), features)
    assert not torch.equal(network.pruned_tokens(xyz.flatten(0, 1)), network.pruned_tokens(batch.xyz.flatten(0, 1)))


@pytest.mark.parametrize("layout", Layout.names())
def test_every_layout_has_joints_to_prune(layout: str) -> None:
    network = BallTransformer(CONFIG, Layout.get(layout), window=16)
    assert len(network.pruned) >= 4, "shoulders and hips"
    assert sorted([*network.kept.tolist(), *network.pruned.tolist()]) == list(range(Layout.get(layout).num_joints))


def test_clamped_radii() -> None:
    far = 100 * torch.randn(50, 16)
    network = BallTransformer(CONFIG, KINECT, window=16)
    radii = network.to_ball(far).norm(dim=1)
    torch.testing.assert_close(radii, torch.full_like(radii, 1 - MARGIN), rtol=2e-7, atol=0)


def test_tokens_stay_in_float32_under_autocast() -> None:
    network, batch = BallTransformer(CONFIG, KINECT, window=16), batch_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        points = network.to_ball(network.tokens(network.sequences(batch)))
        assert network.features(batch).isfinite().all()
    assert points.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "window", "problem"),
    [
        ({"segment": 3}, 16, "not a multiple of encoder.segment"),
        ({"heads": 3}, 16, "not a multiple of encoder.heads"),
        ({"pruned": ("tail",)}, 16, "names 0 of the 25 joints"),
        ({"pruned": KINECT.joints}, 16, "names 25 of the 25 joints"),
    ],
)
def test_sizes_must_fit(changes: dict[str, object], window: int, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        BallTransformer(CONFIG.with_changes(**changes), KINECT, window)


def test_other_clips_are_refused() -> None:
    network = BallTransformer(CONFIG, KINECT, window=16)
    with pytest.raises(LayoutMismatchError, match="kinect20"):
        network.features(batch_of("kinect20"))
    with pytest.raises(LayoutMismatchError, match="the batch has 20 frames"):
        network.features(batch_of(window=20))
