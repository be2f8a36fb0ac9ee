"""DANet's network: shapes, bodies, pairs and relevance."""

from unittest.mock import patch

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.encoders.danet import DANetEncoder, DANetEncoderConfig, DualBlock
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.transforms import CentreCrop
from ragged import ragged_store

CONFIG = DANetEncoderConfig(widths=(8, 16), strides=(1, 2), heads=4)


def encoder(layout: str = "kinect20", window: int = 16, channels: int = 3, **changes: object) -> DANetEncoder:
    torch.manual_seed(0)
    network = DANetEncoder(CONFIG.with_changes(**changes), Layout.get(layout), window, channels)
    for name, value in network.state_dict().items():
        if value.is_floating_point():  # no two alike, so that no mix-up goes unseen
            value.add_(torch.rand_like(value), alpha=0.1 if "running" in name else 0.02)
    return network.eval()


def batch_of(window: int = 16, layout: str = "kinect20", channels: int = 3) -> ClipBatch:
    """Clips of two bodies, one body, one body and two bodies."""
    store = ragged_store(0, [(2, 30), (1, 9), (1, 12), (2, 20)], layout, channels)
    return CentreCrop(window, 2)(store.gather(range(4)), torch.Generator())


@pytest.mark.parametrize("window", [1, 5, 16])
def test_any_window(window: int) -> None:
    features = encoder(window=window).features(batch_of(window))
    assert features.shape == (4, 2, -(-window // 2), 20, 16)


def test_default_sizes() -> None:
    network = DANetEncoder(DANetEncoderConfig(), Layout.get("kinect25"), 64)
    assert (network.width, len(network.blocks), network.levels) == (256, 10, 12)
    assert DANetEncoderConfig().num_local == 4


def test_absent_bodies_are_computed_once_in_evaluation() -> None:
    network, batch = encoder(), batch_of()
    with patch.object(network, "self_attended", wraps=network.self_attended) as run:
        features = network.features(batch)
    assert len(run.call_args.args[0]) == 7
    torch.testing.assert_close(features, network.encode(batch.xyz.flatten(0, 1)).unflatten(0, (4, 2)))


@pytest.mark.parametrize("cross", [True, False])
def test_a_clip_with_itself_is_a_clip_alone(cross: bool) -> None:
    network, batch = encoder(cross=cross), batch_of()
    pair, alone = network.pair_features(batch, batch), network.features(batch)
    torch.testing.assert_close(pair.a, alone)
    torch.testing.assert_close(pair.b, alone)
    assert len(pair.scores) == 2 * cross


def test_partners_matter_to_cross_attention_alone() -> None:
    batch = batch_of()
    other = batch.with_xyz(batch.xyz.flip(0))
    for cross in (True, False):
        network = encoder(cross=cross)
        ours, theirs = network.pair_features(batch, other).a, network.features(batch)
        assert torch.allclose(ours, theirs) is not cross


@pytest.mark.parametrize("cross", [True, False])
def test_relevance(cross: bool) -> None:
    network, batch = encoder(cross=cross), batch_of()
    relevance, seen = network.relevance(batch), batch.present.any(dim=2)
    assert relevance.shape == (4, 2, 1 if cross else 16, 20)
    assert (relevance[~seen] == 0).all()
    assert (relevance[seen].amax(dim=-1) == 1).all()
    assert (relevance[seen] > 0).all()


def test_relevance_is_of_global_heads() -> None:
    network, batch = encoder(cross=False), batch_of()
    before = network.relevance(batch)
    last = network.blocks[-1]
    assert isinstance(last, DualBlock)
    last.spatial.beta.data[2:] += torch.randn(2, 7)
    assert torch.equal(network.relevance(batch), before)


def test_semantics_tell_joints_and_frames_apart() -> None:
    still = batch_of().with_xyz(torch.ones(4, 2, 16, 20, 3))
    network = encoder(semantics=False)
    assert not any(name.startswith("semantics") for name, _ in network.named_parameters())
    names = [name for name, _ in encoder().named_parameters() if name.startswith("semantics")]
    assert names == ["semantics.0", "semantics.1"]
    frames = encoder().embed(encoder().sequences(still))
    assert not torch.allclose(frames[:, 0], frames[:, 1])


def test_levels_rise_from_the_input() -> None:
    network = encoder()
    levels = [network.level(name) for name, _ in network.named_parameters()]
    assert sorted(set(levels)) == list(range(network.levels))
    assert network.level("cross.spatial.out.weight") == 3
    assert network.level("blocks.1.conv.weight") == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (1,)}, "one stride per block; found 1 strides of 2 widths"),
        ({"widths": (8, 10)}, r"multiple of heads \(4\); found 10"),
        ({"local_heads": 4}, r"local_heads \(4\) must leave at least one of the 4 heads global"),
    ],
)
def test_sizes_that_do_not_fit(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CONFIG.with_changes(**changes)


def test_other_data_is_refused_in_words() -> None:
    with pytest.raises(LayoutMismatchError, match=r"16 frames of 20 joints \(kinect20\).*the batch has 9 frames"):
        encoder().features(batch_of(9))
