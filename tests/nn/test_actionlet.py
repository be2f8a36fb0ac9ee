"""Maps and pooling against the authors' code and the paper's equations, and what they mean."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_moco import from_official_moco
from kineme.infer.official_stgcn import QUERY
from kineme.layout import Layout
from kineme.nn.actionlet import (
    Activation,
    RunningMean,
    blend,
    difference_gradient,
    focus_pool,
    graph_map,
    mixing_weights,
    part_map,
    scaled,
    to_frames,
)
from kineme.nn.heads import pooled
from kineme.nn.moco import Projector

LAYOUT = Layout.get("kinect25")
ROUNDED = 1e-6
"""The authors' maps end in float32, and all that comes of them."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_features(*shape: int) -> Tensor:
    return torch.randn(shape or (3, 2, 4, 25, 6), generator=generator(), dtype=torch.float64)


def random_projector(width: int = 6, features: int = 5) -> Projector:
    projector = Projector(width, features).double()
    for parameter in projector.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator(1))
    return projector


def random_batch(seed: int, B: int = 3, M: int = 2, T: int = 8) -> ClipBatch:
    xyz = torch.randn(B, M, T, 25, 3, generator=generator(seed))
    present = torch.rand(B, M, T, generator=generator(seed)) > 0.3
    zero = torch.zeros(B, dtype=torch.int64)
    return ClipBatch(xyz * present[..., None, None], present, zero + T, zero, zero, LAYOUT)


# --- the authors' code -------------------------------------------------------------------------------------------


class MapGolden:
    """Encoder, projector and clips of one golden file, in float64."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        meta = json.loads(self.arrays["in/meta_json"].item())
        sizes = STGCNConfig(hidden_channels=meta["hidden_channels"], width=meta["hidden_dim"], dropout=meta["dropout"])
        self.networks = nn.ModuleDict(
            {
                "encoder": STGCN(sizes, LAYOUT, self.arrays["in/x"].shape[2]),
                "projector": Projector(meta["hidden_dim"], meta["feature_dim"]),
            }
        )
        weights = {QUERY + key[2:]: torch.from_numpy(value) for key, value in self.arrays.items() if key[:2] == "w/"}
        adjacency = self.networks["encoder"].get_buffer("adjacency")
        self.networks.load_state_dict(from_official_moco(weights, adjacency))
        self.networks.double()

    def features(self, name: str) -> Tensor:
        xyz = torch.from_numpy(self.arrays[f"in/{name}"]).permute(0, 4, 2, 3, 1).double()
        clips = torch.arange(len(xyz))
        batch = ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips, clips, clips, LAYOUT)
        encoder = self.networks["encoder"]
        assert isinstance(encoder, STGCN)
        return encoder.features(batch)

    def check(self, key: str, ours: Tensor, tolerance: float = 1e-8) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], tolerance, tolerance, err_msg=key)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("path", golden_cases("contrastive/06_actclr_map_safp*.npz"))
def test_map_and_pooling_of_the_authors(path: Path, mode: str) -> None:
    golden = MapGolden(path)
    golden.networks.train(mode == "train")
    projector = golden.networks["projector"]
    assert isinstance(projector, Projector)
    anchor = projector(pooled(golden.features("anchor_x")))
    golden.check(f"out/{mode}/anchor_feat", anchor)
    features = golden.features("x")
    gradient = difference_gradient(features, anchor, projector)
    bodies = features.shape[1]
    alpha = (gradient / len(features)).repeat_interleave(bodies, 0)
    np.testing.assert_allclose(alpha, golden.arrays[f"out/{mode}/alpha"], 1e-8)
    actionlet = part_map(features, gradient, LAYOUT)
    golden.check(f"out/{mode}/map", actionlet.flatten(0, 1).unsqueeze(1), ROUNDED)
    golden.check(f"out/{mode}/key_gap", projector(pooled(features)))
    golden.check(f"out/{mode}/key_safp", projector(focus_pool(features, actionlet)), ROUNDED)
    assert (actionlet == 0).any()
    assert (actionlet >= 0.5).any()


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("path", golden_cases("contrastive/12_formula_variant*.npz"))
def test_map_and_pooling_of_the_paper(path: Path, activation: Activation) -> None:
    arrays = {key: torch.from_numpy(value).double() for key, value in load_npz(path).items() if "json" not in key}
    projector = Projector(arrays["in/h"].shape[1], len(arrays["in/zbar"])).double()
    weights = {key.removeprefix("w/proj."): value for key, value in arrays.items() if key.startswith("w/")}
    weights = {key: value.flatten(1) if value.ndim == 4 else value for key, value in weights.items()}
    projector.load_state_dict(weights)
    features = arrays["in/h"].permute(0, 2, 3, 1).unsqueeze(1)
    gradient = difference_gradient(features, arrays["in/zbar"][None], projector)
    torch.testing.assert_close(gradient, arrays["out/delta_h"][:, :, 0, 0], rtol=1e-9, atol=1e-12)
    actionlet = graph_map(features, gradient, LAYOUT, activation)
    torch.testing.assert_close(actionlet[:, 0], arrays[f"out/{activation}/map"], rtol=1e-9, atol=1e-12)
    # Enlarged, because the equation divides by the plain sum of the map.
    focus = focus_pool(features, actionlet * 1e6)
    torch.testing.assert_close(focus, arrays[f"out/{activation}/safp"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("path", golden_cases("contrastive/07_actclr_ops*.npz"))
def test_blending_of_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    inside, outside = (their_clips(arrays[f"in/{name}"]) for name in "xy")
    share = torch.from_numpy(arrays["in/merge/map"]).double().squeeze(1).unflatten(0, (len(inside), -1))
    ours = blend(inside, outside, to_frames(share, inside.xyz.shape[2])).xyz.permute(0, 4, 2, 3, 1)
    np.testing.assert_allclose(ours.numpy(), arrays["out/merge/result"], 1e-6, 1e-6)


@pytest.mark.parametrize("path", golden_cases("contrastive/07_actclr_ops*.npz"))
def test_mixing_weights_of_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    names = [key.split("/")[1] for key in arrays if key.endswith("/act_map")]
    assert names
    for name in names:
        part = {key.split("/")[-1]: torch.from_numpy(array) for key, array in arrays.items() if f"/{name}/" in key}
        partner = part["partner"]
        actionlet = part["act_map"].double().squeeze(1).unflatten(0, (len(partner), -1))
        given, lost = (part["mask" if "mask" in part else f"mask_{of}"].double() for of in ("partner", "self"))
        own, added = mixing_weights(actionlet, partner, given, lost)
        torch.testing.assert_close(own, part["coef_self"], rtol=1e-6, atol=1e-6, msg=name)
        torch.testing.assert_close(added, part["coef_partner"], rtol=1e-6, atol=1e-6, msg=name)


# --- what the functions mean -------------------------------------------------------------------------------------


def their_clips(array: np.ndarray) -> ClipBatch:
    """Batch of present bodies, float64, from the field's (N, C, T, V, M)."""
    xyz = torch.from_numpy(array).permute(0, 4, 2, 3, 1).double()
    zero = torch.zeros(len(xyz), dtype=torch.int64)
    return ClipBatch(xyz, torch.ones(xyz.shape[:3], dtype=torch.bool), zero, zero, zero, LAYOUT)


def test_gradient_is_that_of_autograd_at_every_cell() -> None:
    features, projector, anchor = random_features().requires_grad_(), random_projector(), torch.randn(1, 5).double()
    ours = difference_gradient(features, anchor, projector)
    alike = torch.cosine_similarity(projector(pooled(features)), anchor, dim=1)
    (theirs,) = torch.autograd.grad(-alike.sum(), features)
    torch.testing.assert_close(ours[:, None, None, None, :].expand_as(theirs), theirs)


def test_map_teaches_nobody() -> None:
    projector = random_projector()
    features = random_features().requires_grad_()
    gradient = difference_gradient(features, torch.randn(1, 5).double(), projector)
    assert not gradient.requires_grad
    assert all(parameter.grad is None for parameter in projector.parameters())


def test_authors_map_marks_whole_parts() -> None:
    features = random_features()
    actionlet = part_map(features, torch.randn(3, 6, generator=generator(2)).double(), LAYOUT)
    assert ((actionlet == 0) | (actionlet == 1)).any()
    for joints in LAYOUT.part_indices.values():
        part = actionlet[..., list(joints)]
        torch.testing.assert_close(part, part[..., :1].expand_as(part))


def test_authors_map_does_not_depend_on_how_the_batch_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    # So weak that nothing is cut at 1, where the number of clips in the divisor would not show.
    features, gradient = random_features(), 1e-9 * torch.randn(3, 6, generator=generator(2)).double()
    whole = part_map(features, gradient, LAYOUT)
    assert 0 < whole.max() < 1
    monkeypatch.setattr("kineme.nn.actionlet.num_processes", lambda: 3)
    torch.testing.assert_close(part_map(features[1:2], gradient[1:2], LAYOUT), whole[1:2])


def test_maps_are_precise_under_autocast() -> None:
    features, projector, anchor = random_features().float(), random_projector().float(), torch.randn(1, 5)
    with torch.autocast("cpu", torch.bfloat16):
        gradient = difference_gradient(features, anchor, projector)
        maps = [part_map(features, gradient, LAYOUT), graph_map(features, gradient, LAYOUT)]
        focus = focus_pool(features, maps[0])
    torch.testing.assert_close(gradient, difference_gradient(features, anchor, projector), rtol=0, atol=0)
    torch.testing.assert_close(maps[1], graph_map(features, gradient, LAYOUT), rtol=0, atol=0)
    torch.testing.assert_close(focus, focus_pool(features, maps[0]), rtol=0, atol=0)


def test_pooling_sees_what_the_map_shows() -> None:
    features = random_features()
    one_cell = torch.zeros(3, 2, 4, 25).double()
    one_cell[:, :, 1, 7] = 1
    torch.testing.assert_close(focus_pool(features, one_cell), features[:, :, 1, 7].mean(1), rtol=1e-4, atol=1e-4)
    everything = torch.ones_like(one_cell)
    torch.testing.assert_close(focus_pool(features, everything), pooled(features), rtol=1e-4, atol=1e-4)


def test_scaled_maps_end_at_one() -> None:
    actionlet = torch.stack([torch.rand(2, 4, 25) * 1e-6, torch.zeros(2, 4, 25)])
    largest = scaled(actionlet).amax(dim=(1, 2, 3))
    torch.testing.assert_close(largest, torch.tensor([1.0, 0.0]))


def test_map_of_frames_keeps_both_ends() -> None:
    actionlet = torch.rand(3, 2, 4, 25, generator=generator())
    frames = to_frames(actionlet, 13)
    torch.testing.assert_close(frames[:, :, ::4], actionlet)
    torch.testing.assert_close(frames[:, :, 2], (actionlet[:, :, 0] + actionlet[:, :, 1]) / 2)


def test_shares_of_a_mix_without_a_map_are_those_of_its_cells() -> None:
    cells = torch.zeros(4, 25)
    cells[:2] = 1
    own, added = mixing_weights(torch.zeros(3, 2, 4, 25), torch.tensor([1, 2, 0]), cells, cells)
    torch.testing.assert_close(own, torch.full((3,), 0.5), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(own + added, torch.ones(3))


def test_average_of_all_bodies_seen() -> None:
    average, batches = RunningMean(8, 25, 3), [random_batch(seed) for seed in range(5)]
    for batch in batches:
        average.add(batch)
    xyz, seen = (torch.cat([getattr(batch, name) for batch in batches]) for name in ("xyz", "present"))
    expected = xyz.sum((0, 1)) / seen.sum((0, 1))[:, None, None]
    clip = average.clip(batches[0])
    assert len(clip) == 1
    assert clip.present.all()
    torch.testing.assert_close(clip.xyz[0, 0], expected, rtol=1e-5, atol=1e-6)


def test_average_before_anybody_was_seen_is_absent() -> None:
    clip = RunningMean(8, 25, 3).clip(random_batch(0))
    assert not clip.present.any()
    assert not clip.xyz.any()
