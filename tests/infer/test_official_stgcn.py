"""Names and shapes of the contrastive family's checkpoints."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import LayoutMismatchError
from kineme.infer.official_stgcn import STGCN_NAMING, from_official_stgcn, query_encoder
from kineme.layout import Layout

KINECT = Layout.get("kinect25")
RELEASED = golden_cases("contrastive/released_*.npz")
BACKBONES = golden_cases("contrastive/02_stgcn_backbone*.npz")
ENCODER = STGCN(STGCNConfig(hidden_channels=4, width=16), KINECT, 16)


def weights_of(path: Path) -> dict[str, Tensor]:
    return {key[2:]: torch.from_numpy(value) for key, value in load_npz(path).items() if key.startswith("w/")}


@pytest.mark.parametrize("path", RELEASED)
def test_every_released_weight_has_one_place(path: Path) -> None:
    official = weights_of(path)
    encoder = STGCN(STGCNConfig(), KINECT, 50)
    ours = from_official_stgcn(official, encoder.adjacency)
    assert len(ours) == len(official) - 1, "all but the graph"
    expected = {f"encoder.{name}": value.shape for name, value in encoder.state_dict().items()}
    expected |= {"head.linear.weight": torch.Size([60, 256]), "head.linear.bias": torch.Size([60])}
    assert {name: value.shape for name, value in ours.items()} == expected


@pytest.mark.parametrize("path", RELEASED + BACKBONES)
def test_names_translate_both_ways(path: Path) -> None:
    official = [name for name in query_encoder(weights_of(path)) if not STGCN_NAMING.is_dead(name)]
    ours = [STGCN_NAMING.ours(name) for name in official]
    assert all(name.startswith(("encoder.", "head.linear.")) for name in ours)
    assert len(set(ours)) == len(ours)
    assert [STGCN_NAMING.official(name) for name in ours] == official


def pretraining() -> dict[str, Tensor]:
    """What MoCo saves of a small encoder: query, key and queue."""
    plain = {STGCN_NAMING.official(f"encoder.{name}"): value for name, value in ENCODER.state_dict().items()}
    plain["A"] = ENCODER.adjacency.clone()
    query = {f"encoder_q.{name}": value for name, value in plain.items()}
    key = {f"encoder_k.{name}": torch.zeros_like(value) for name, value in plain.items()}
    return {**query, **key, "queue": torch.zeros(128, 8), "queue_ptr": torch.zeros(1)}


def test_the_query_encoder_of_a_pretraining() -> None:
    ours = from_official_stgcn(pretraining(), ENCODER.adjacency)
    expected = {f"encoder.{name}": value for name, value in ENCODER.state_dict().items()}
    assert sorted(ours) == sorted(expected)
    assert all(torch.equal(ours[name], value) for name, value in expected.items())


def test_projectors_keep_their_names() -> None:
    state = {"encoder_q.fc.0.weight": torch.rand(256, 256, 1, 1), "encoder_q.fc.2.bias": torch.rand(128)}
    ours = from_official_stgcn(state, ENCODER.adjacency)
    assert {name: tuple(value.shape) for name, value in ours.items()} == {
        "fc.0.weight": (256, 256),
        "fc.2.bias": (128,),
    }


def test_heads_as_convolutions_are_matrices() -> None:
    matrix = torch.rand(7, 16)
    for weight in (matrix, matrix[..., None, None]):
        ours = from_official_stgcn({"fc.weight": weight}, ENCODER.adjacency)
        assert torch.equal(ours["head.linear.weight"], matrix)


@pytest.mark.parametrize("layout", ["kinect20", "kinect25"])
def test_weights_of_another_graph_are_refused(layout: str) -> None:
    other = STGCN(STGCNConfig(strategy="distance" if layout == "kinect25" else "spatial"), Layout.get(layout), 16)
    with pytest.raises(LayoutMismatchError, match=r"weights of another graph: \(3, 25, 25\), the encoder's is"):
        from_official_stgcn(pretraining(), other.adjacency)


def test_the_order_of_joints_counts() -> None:
    state = pretraining()
    state["encoder_q.A"] = state["encoder_q.A"].roll((1, 1), dims=(1, 2))
    with pytest.raises(LayoutMismatchError, match="has other edges"):
        from_official_stgcn(state, ENCODER.adjacency)
