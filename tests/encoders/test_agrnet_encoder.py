"""AgRNet's encoder: streams, switches, determinism, and the attention that joints receive."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders.agrnet import AgRNetEncoder, AgRNetEncoderConfig
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout

KINECT = Layout.get("kinect25")
SMALL = AgRNetEncoderConfig(width=16, heads=2, hidden=12)
SWITCHES = ["aaga", "adga", "pfm", "adga_gate", "pyramid", "mask_padding", "share_streams"]


def random_batch(layout: Layout = KINECT, window: int = 50, num_clips: int = 4) -> ClipBatch:
    """Two bodies; the second is present in the first clip alone."""
    xyz = torch.randn(num_clips, 2, window, layout.num_joints, 3, generator=torch.Generator().manual_seed(0))
    xyz[1:, 1] = 0
    clips = torch.arange(num_clips)
    return ClipBatch(xyz, xyz.any(dim=-1).any(dim=-1), torch.full_like(clips, window), clips, clips, layout)


def built(changes: dict[str, object] | None = None, layout: Layout = KINECT, window: int = 50) -> AgRNetEncoder:
    torch.manual_seed(0)
    return AgRNetEncoder(SMALL.with_changes(**(changes or {})), layout, window).eval()


def flipped(switch: str | None) -> dict[str, object]:
    return {} if switch is None else {switch: not getattr(SMALL, switch)}


def part_of(batch: ClipBatch, clips: Tensor) -> ClipBatch:
    names = ("xyz", "present", "length", "index", "label")
    return replace(batch, **{name: getattr(batch, name)[clips] for name in names})


def test_published_sizes() -> None:
    encoder = AgRNetEncoder(AgRNetEncoderConfig(), KINECT, 50)
    assert encoder.width == 4096
    assert {name: encoder.network.stream(name).length for name in encoder.network.names} == {
        "temporal": 13,
        "spatial": 19,
    }
    summary = encoder.network.summaries["temporal"]
    assert sum(p.numel() for p in summary.parameters() if p.requires_grad) == pytest.approx(15.7e6, rel=0.01)


def test_uwa3d() -> None:
    encoder = built(layout=Layout.get("uwa15"))
    assert {name: encoder.network.stream(name).length for name in encoder.network.names} == {
        "temporal": 13,
        "spatial": 12,
    }


@pytest.mark.parametrize("switch", [None, *SWITCHES])
def test_one_vector_per_body(switch: str | None) -> None:
    encoder, batch = built(flipped(switch)), random_batch()
    features = encoder.features(batch)
    assert features.shape == (4, 2, 1, 1, encoder.width)
    assert features.isfinite().all()


@pytest.mark.parametrize("switch", [None, *SWITCHES])
def test_evaluation_is_the_same_in_any_company(switch: str | None) -> None:
    encoder, batch = built(flipped(switch)), random_batch()
    features, order = encoder.features(batch), torch.tensor([2, 0, 3])
    assert torch.equal(features, encoder.features(batch))
    torch.testing.assert_close(encoder.features(part_of(batch, order)), features[order], rtol=1e-4, atol=1e-5)


def test_each_stream_reads_the_same_coordinates() -> None:
    encoder, batch = built(), random_batch()
    tokens = encoder.network.tokens(encoder.sequences(batch))
    assert tokens["temporal"].shape == (8, 50, 75)
    assert torch.equal(tokens["temporal"][0, 3], batch.xyz[0, 0, 3].flatten())
    assert torch.equal(tokens["spatial"][0, 4], batch.xyz[0, 0, :, 1, 1])


def test_without_pfm_the_feature_is_the_mean_over_tokens() -> None:
    encoder, batch = built({"pfm": False}), random_batch()
    network, sequences = encoder.network, encoder.sequences(batch)
    means = [network.encode(name, x).mean(dim=1) for name, x in network.tokens(sequences).items()]
    torch.testing.assert_close(encoder.features(batch).flatten(2).flatten(0, 1), torch.cat(means, dim=-1))


def test_shared_streams_have_one_recurrent_network() -> None:
    shared, own = built({"share_streams": True}), built()
    assert list(shared.network.summaries) == ["both"]
    count = [sum(p.numel() for p in each.network.summaries.parameters()) for each in (shared, own)]
    assert count[1] == 2 * count[0]


def test_masked_padding_is_not_attended_to() -> None:
    batch = random_batch()
    short = replace(batch, length=torch.full_like(batch.length, 20))
    plain, masked = built(), built({"mask_padding": True})
    masked.load_state_dict(plain.state_dict())
    assert torch.equal(plain.features(short), plain.features(batch))
    torch.testing.assert_close(masked.features(batch), plain.features(batch))
    assert not torch.allclose(masked.features(short), masked.features(batch))


def test_keys_are_drawn_in_training() -> None:
    encoder, batch = built({"dropout": 0.0}).train(), random_batch()
    torch.manual_seed(0)
    first = encoder.features(batch)
    assert not torch.equal(first, encoder.features(batch))
    torch.manual_seed(0)
    assert torch.equal(first, encoder.features(batch))


@pytest.mark.parametrize("aaga", [True, False])
def test_relevance(aaga: bool) -> None:
    encoder, batch = built({"aaga": aaga}), random_batch()
    relevance = encoder.relevance(batch)
    assert relevance.shape == (4, 2, 1, 25)
    assert not relevance[1:, 1].any()
    present = torch.cat([relevance[:, 0], relevance[:1, 1]])
    assert (present > 0).all()
    assert torch.equal(present.amax(dim=-1), torch.ones(5, 1))


def test_relevance_without_spatial_stream() -> None:
    encoder = built({"depth": 8}, window=200)
    assert list(encoder.network.streams) == ["temporal"]
    with pytest.raises(ConfigError, match="too few joints"):
        encoder.relevance(random_batch(window=200))


def test_other_clips_are_refused() -> None:
    with pytest.raises(LayoutMismatchError, match="reads 50 frames of 25 joints"):
        built().features(random_batch(window=49))


def test_hidden_units_are_even() -> None:
    with pytest.raises(ConfigError, match="multiple of 2"):
        SMALL.with_changes(hidden=7)
