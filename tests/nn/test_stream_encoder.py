"""A stream of AgRNet against Informer's encoder, its token counts, and what it refuses."""

import math

import pytest
import torch
from torch import nn

from agrnet_golden import Golden, double
from conftest import golden_cases
from kineme.errors import ConfigError
from kineme.nn.stream_encoder import AttentionLayer, StreamConfig, StreamEncoder, sinusoids

SMALL = StreamConfig(width=16, heads=4)


@pytest.fixture(params=golden_cases("agrnet/encoder_layer*.npz"))
def layer(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture(params=golden_cases("agrnet/stream_*.npz"))
def stream(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_encoder_layer(layer: Golden) -> None:
    x, (hidden, width, _) = layer["in/x"], layer.arrays["w/conv1.weight"].shape
    config = StreamConfig(width=width, heads=layer.number("in/n_heads"), mlp_ratio=hidden / width)
    with double():
        ours = AttentionLayer(config, x.shape[1], seed=0)
    layer.load(ours)
    layer.check("out/y", ours(x, layer["in/index"]))


def test_stage_by_stage(stream: Golden) -> None:
    x, width = stream["in/x"], stream.arrays["out/y"].shape[-1]
    depth = sum(key.startswith("in/index") for key in stream.arrays)
    hidden = stream.arrays["w/encoder.attn_layers.0.conv1.weight"].shape[0]
    config = StreamConfig(width=width, heads=stream.number("in/n_heads"), depth=depth, mlp_ratio=hidden / width)
    with double():
        ours = StreamEncoder(config, *x.shape[1:])
    stream.load(ours)
    stages: list[nn.Module] = [ours.embedding]
    layers, distils = (list(ours.get_submodule(f"towers.0.{each}").children()) for each in ("layers", "distils"))
    for i, attention in enumerate(layers):
        stages += [attention, *distils[i : i + 1]]
    seen = []
    for module in stages:
        module.register_forward_hook(lambda module, args, output: seen.append(output))
    stream.check("out/y", ours(x, {f"0.{i}": stream[f"in/index{i}"] for i in range(depth)}))
    for i, output in enumerate(seen):
        stream.check(f"mid/stage{i}", output)
    assert [output.shape[1] for output in seen] == stream.arrays["mid/lengths"].tolist()


@pytest.mark.parametrize(("length", "left"), [(50, 13), (75, 19), (45, 12), (5, 2)])
def test_token_counts(length: int, left: int) -> None:
    stream = StreamEncoder(SMALL, length, 3)
    assert stream.length == left
    assert stream(torch.randn(2, length, 3)).shape == (2, left, 16)


def test_too_few_tokens() -> None:
    with pytest.raises(ConfigError, match=r"need at least 5 tokens, found 4; lower encoder\.depth"):
        StreamEncoder(SMALL, 4, 3)
    StreamEncoder(SMALL.with_changes(adga=False), 4, 3)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match=r"width 16 is not a multiple of encoder\.heads 3"):
        StreamEncoder(SMALL.with_changes(heads=3), 50, 3)


@pytest.mark.parametrize("length", [8, 50, 75])
def test_pyramid(length: int) -> None:
    config = SMALL.with_changes(pyramid=True)
    stream, x = StreamEncoder(config, length, 3).eval(), torch.randn(2, length, 3)
    assert stream(x).shape[1] == stream.length
    changed = x.clone()
    changed[:, 1 : length // 4] += 1  # early tokens, away from both ends of the circular convolution
    *_, last = stream(x).split(stream.lengths, dim=1)
    *_, same = stream(changed).split(stream.lengths, dim=1)
    torch.testing.assert_close(same, last)


def test_pyramid_cannot_mask() -> None:
    with pytest.raises(ConfigError, match=r"switch encoder\.mask_padding off"):
        StreamEncoder(SMALL.with_changes(pyramid=True, mask_padding=True), 50, 3)


@pytest.mark.parametrize("switch", ["aaga", "adga", "adga_gate", "pyramid"])
def test_every_switch_changes_the_outcome(switch: str) -> None:
    torch.manual_seed(0)
    plain = StreamEncoder(SMALL, 50, 3).eval()
    switched = StreamEncoder(SMALL.with_changes(**{switch: not getattr(SMALL, switch)}), 50, 3).eval()
    switched.load_state_dict(plain.state_dict(), strict=False)
    x = torch.randn(2, 50, 3)
    ours, theirs = plain(x), switched(x)
    assert ours.shape != theirs.shape or not torch.allclose(ours, theirs)


def test_draws_name_sparse_layers() -> None:
    stream = StreamEncoder(SMALL, 50, 3)
    draws = stream.sample(torch.Generator().manual_seed(0), torch.zeros(()))
    assert {key: tuple(index.shape) for key, index in draws.items()} == {"0.0": (50, 20), "0.1": (25, 20)}


def test_positions() -> None:
    table = sinusoids(10, 6)
    assert table.shape == (10, 6)
    assert table[3, 2].item() == pytest.approx(math.sin(3 / 10_000 ** (2 / 6)))
    assert table[3, 3].item() == pytest.approx(math.cos(3 / 10_000 ** (2 / 6)))
    assert sinusoids(10, 5).shape == (10, 5)
