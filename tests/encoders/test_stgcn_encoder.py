"""ST-GCN beyond what golden files prove."""

from typing import get_args
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.graph import Strategy
from kineme.nn.heads import LinearHead
from kineme.nn.stgcn import GraphBlock, init_moco
from kineme.transforms import CentreCrop
from ragged import ragged_store

CONFIG = STGCNConfig(hidden_channels=4, width=16)
KINECT = Layout.get("kinect20")


def encoder(layout: str = "kinect20", channels: int = 3, **changes: object) -> STGCN:
    torch.manual_seed(0)
    network = STGCN(CONFIG.with_changes(**changes), Layout.get(layout), window=16, channels=channels)
    statistics = {name: value for name, value in network.state_dict().items() if "running" in name}
    for value in [*network.parameters(), *statistics.values()]:  # no two alike, so that no mix-up goes unseen
        value.data.add_(torch.rand_like(value), alpha=0.1)
    return network.eval()


def batch_of(window: int = 16, layout: str = "kinect20", channels: int = 3) -> ClipBatch:
    """Clips of two bodies, one body, one body and two bodies."""
    store = ragged_store(0, [(2, 30), (1, 9), (1, 12), (2, 20)], layout, channels)
    return CentreCrop(window, 2)(store.gather(range(4)), torch.Generator())


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_size_is_the_authors() -> None:
    network = STGCN(STGCNConfig(), Layout.get("kinect25"), 50)
    assert size(network) == 821_380
    assert size(network) + size(nn.Linear(network.width, 60)) == 836_800


def test_full_width() -> None:
    assert STGCNConfig(hidden_channels=64).widths == (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("layout", Layout.names())
def test_every_layout_has_a_graph(layout: str, channels: int) -> None:
    network = encoder(layout, channels)
    features = network.features(batch_of(16, layout, channels))
    assert features.shape == (4, 2, 4, Layout.get(layout).num_joints, 16)
    assert features.isfinite().all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30))
def test_time_is_quartered(window: int) -> None:
    assert encoder().features(batch_of(window)).shape[2] == -(-window // 4)


def plain(network: STGCN, sequences: Tensor) -> Tensor:
    """The network as the formula says: partitions convolve, then joints gather; ordinary memory."""
    N, T, V, C = sequences.shape
    x = network.input_norm(sequences.permute(0, 2, 3, 1).reshape(N, V * C, T))
    x = x.view(N, V, C, T).permute(0, 2, 3, 1).contiguous()
    for block in network.blocks:
        assert isinstance(block, GraphBlock)
        weighted = network.adjacency if block.edge_importance is None else network.adjacency * block.edge_importance
        conv = block.graph.conv
        parts = F.conv2d(x, conv.weight, conv.bias).unflatten(1, (len(weighted), -1))
        branch = torch.einsum("nkdtv,kvw->ndtw", parts, weighted)
        branch = block.norm2(block.temporal(F.relu(block.norm1(branch))))
        x = F.relu(branch + block.residual(x) if block.residual is not None else branch)
    return x.permute(0, 2, 3, 1)


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("edge_importance", [True, False])
@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_products_are_exact(strategy: str, edge_importance: bool, mode: bool) -> None:
    network = encoder(strategy=strategy, edge_importance=edge_importance, dropout=0.0).double().train(mode)
    sequences = batch_of().xyz.flatten(0, 1).double()
    results = []
    for run in (network.encode, lambda x: plain(network, x)):
        network.zero_grad()
        features = run(sequences)
        (features * torch.linspace(-1, 1, 16, dtype=torch.float64)).mean().backward()
        results.append([features, *(parameter.grad for parameter in network.parameters())])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_maps_stay_channels_last() -> None:
    network, batch = encoder(), batch_of()
    x = network.normalise(network.sequences(batch))
    for block in network.blocks:
        assert x.is_contiguous(memory_format=torch.channels_last)
        x = block(x, network.adjacency)
    assert network.features(batch).is_contiguous()


def bodies_run(network: STGCN, batch: ClipBatch) -> tuple[Tensor, int]:
    """Features, and how many bodies were computed for them."""
    with patch.object(network, "encode", wraps=network.encode) as encode:
        features = network.features(batch)
    return features, len(encode.call_args.args[0])


def test_absent_bodies_are_computed_once_in_evaluation() -> None:
    network, batch = encoder(), batch_of()
    features, in_evaluation = bodies_run(network, batch)
    _, in_training = bodies_run(network.train(), batch)
    assert (in_evaluation, in_training) == (7, 8)
    torch.testing.assert_close(features, encoder().encode(batch.xyz.flatten(0, 1)).unflatten(0, (4, 2)))
    assert torch.equal(features[1, 1], features[2, 1])


def test_bodies_are_sequences_of_their_own_in_evaluation() -> None:
    network, batch = encoder(), batch_of()
    features = network.features(batch)
    torch.testing.assert_close(network.features(batch.with_xyz(batch.xyz.flip(1))), features.flip(1))
    alone = [network.features(batch.with_xyz(batch.xyz[i : i + 1])) for i in range(4)]
    torch.testing.assert_close(torch.cat(alone), features)


def test_absent_bodies_count_in_training() -> None:
    """Statistics are those of all bodies, zeros included."""
    network, batch = encoder().train(), batch_of()
    network.input_norm.reset_running_stats()
    network.features(batch)
    expected = batch.xyz.flatten(0, 2).flatten(1).mean(dim=0) * 0.1
    torch.testing.assert_close(network.input_norm.running_mean, expected)


def test_the_first_block_drops_nothing() -> None:
    network = encoder(dropout=0.5).train()
    x = network.normalise(network.sequences(batch_of()))
    assert torch.equal(network.blocks[0](x, network.adjacency), network.blocks[0](x, network.adjacency))
    x = network.blocks[0](x, network.adjacency)
    assert not torch.equal(network.blocks[1](x, network.adjacency), network.blocks[1](x, network.adjacency))


def test_levels_rise_from_the_input() -> None:
    network = encoder()
    levels = [network.level(name) for name, _ in network.named_parameters()]
    assert levels == sorted(levels)
    assert set(levels) == set(range(network.levels))


def test_other_data_is_refused_in_words() -> None:
    with pytest.raises(LayoutMismatchError, match=r"reads 25 joints \(kinect25\) with 3 .*has 20 \(kinect20\) with 3"):
        encoder("kinect25").features(batch_of())
    with pytest.raises(LayoutMismatchError, match="with 2 coordinates, the batch has 20"):
        encoder(channels=2).features(batch_of())


def test_init_moco() -> None:
    torch.manual_seed(0)
    network = nn.ModuleList([STGCN(STGCNConfig(), KINECT, 16), nn.Linear(256, 128), LinearHead(256, 128)])
    init_moco(network)
    for name, parameter in network.named_parameters():
        if name.endswith("edge_importance"):
            assert (parameter == 1).all()
        elif name.endswith("bias"):
            assert (parameter == 0).all()
        else:
            is_norm = parameter.ndim == 1
            error = 5 * 0.02 / parameter.numel() ** 0.5
            assert parameter.mean().item() == pytest.approx(float(is_norm), abs=error), name
            assert parameter.std().item() == pytest.approx(0.02, abs=error), name
