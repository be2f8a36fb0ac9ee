"""DANet's modules against golden arrays of the specification's equations."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases
from danet_golden import LAYOUT, Golden, cross_attention, load, prefixed, self_attention
from kineme.encoders.danet import DANetEncoderConfig, DualBlock
from kineme.nn.cross_attention import CrossAttention, CrossBlock, ValueSource, cooccurrence
from kineme.nn.relation_attention import RelationAttention, SpatialRelationAttention, TemporalRelationAttention
from kineme.nn.relations import local_pairs, part_membership, part_of, relation_types
from kineme.nn.relevance import radii, received


def golden(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", golden_cases(f"danet/{name}.npz"))


@golden("skeleton_tables")
def test_tables(path: Path) -> None:
    tables = Golden(path).arrays
    for key, ours in (("part_of", part_of), ("relation", relation_types), ("local", local_pairs)):
        np.testing.assert_array_equal(ours(LAYOUT), tables[f"out/{key}"])
    np.testing.assert_array_equal(part_membership(LAYOUT), tables["out/pool"] > 0)


def check_self_attention(golden: Golden, network: RelationAttention, attend: str) -> None:
    load(network, self_attention(golden.weights))
    with patch.object(network, "attend_by_map", getattr(network, attend)):
        golden.check_map("out/y", network(golden.map("in/x")))
    golden.check("out/attention", network.attention(golden.map("in/x")))


def sizes(golden: Golden) -> tuple[int, int, int, int]:
    width, in_width = golden.weights["q.weight"].shape
    return in_width, width, golden.number("in/heads"), golden.number("in/n_local")


@pytest.mark.parametrize("attend", ["attend_by_map", "attend_fused"])
@golden("rssa")
def test_spatial_self_attention(path: Path, attend: str) -> None:
    golden = Golden(path)
    check_self_attention(golden, SpatialRelationAttention(*sizes(golden), LAYOUT), attend)


@pytest.mark.parametrize("attend", ["attend_by_map", "attend_fused"])
@golden("rtsa")
def test_temporal_self_attention(path: Path, attend: str) -> None:
    golden = Golden(path)
    distances = {"furthest": golden.number("in/clip"), "reach": golden.number("in/window")}
    check_self_attention(golden, TemporalRelationAttention(*sizes(golden), LAYOUT, **distances), attend)


def check_cross_attention(golden: Golden, axis: int, source: ValueSource) -> None:
    """Tokens are on an axis of the maps, 1 for frames and 2 for joints."""
    a, b = (golden.map(f"in/{name}").transpose(1, axis) for name in ("fa", "fb"))
    network = CrossAttention(a.shape[-1], golden.number("in/heads"), source)
    load(network, cross_attention(golden.weights))
    mixed, scores = network(torch.stack([a, b]))
    for name, ours in zip(("za", "zb"), mixed.transpose(2, axis + 1), strict=True):
        golden.check_map(f"out/{name}_{source}", ours)
    golden.check("mid/a_ab", scores[0].softmax(-1))
    golden.check("mid/a_ba", scores[1].softmax(-1))
    golden.check("out/cooccurrence", cooccurrence(scores))
    mixed, scores = network(a.unsqueeze(0))
    golden.check_map("out/za_selfpair", mixed.transpose(2, axis + 1)[0])
    golden.check("out/cooccurrence_selfpair", cooccurrence(scores))


@pytest.mark.parametrize("source", ["own", "other"])
@golden("cross_spatial")
def test_cross_attention_over_joints(path: Path, source: ValueSource) -> None:
    check_cross_attention(Golden(path), 2, source)


@pytest.mark.parametrize("source", ["own", "other"])
@golden("cross_temporal")
def test_cross_attention_over_frames(path: Path, source: ValueSource) -> None:
    check_cross_attention(Golden(path), 1, source)


@golden("block")
def test_block(path: Path) -> None:
    golden = Golden(path)
    x, (width, in_width) = golden.map("in/x"), golden.weights["rssa.q.weight"].shape
    config = DANetEncoderConfig(
        widths=(width,), strides=(1,), heads=golden.number("in/heads"), local_heads=golden.number("in/n_local")
    )
    distances = {"furthest": golden.number("in/clip"), "reach": golden.number("in/window")}
    block = DualBlock(in_width, width, config, LAYOUT, golden.number("in/stride"), **distances)
    weights = prefixed("spatial.", self_attention(golden.below("rssa.")))
    weights |= prefixed("temporal.", self_attention(golden.below("rtsa.")))
    modules = {
        "rssa_bn": "spatial_norm",
        "rtsa_bn": "temporal_norm",
        "ffn_s": "mix.0",
        "ffn_s_bn": "mix.1",
        "ffn_t": "conv",
        "ffn_t_bn": "conv_norm",
        "res_s": "spatial_residual.0",
        "res_s_bn": "spatial_residual.1",
        "res_t": "conv_residual.0",
        "res_t_bn": "conv_residual.1",
    }
    for theirs, ours in modules.items():
        weights |= prefixed(f"{ours}.", golden.below(f"{theirs}."))
    weights["conv.weight"] = weights["conv.weight"].unsqueeze(-1)
    load(block, weights)
    golden.check_map("out/y", block(x))
    golden.check("out/relevance", received(block.spatial.attention(x).mean(dim=1)))


@golden("cross_block")
def test_cross_block(path: Path) -> None:
    golden = Golden(path)
    views = torch.stack([golden.map("in/fa"), golden.map("in/fb")])
    block = CrossBlock(views.shape[-1], golden.number("in/heads"))
    weights = {}
    for theirs, ours in (("cs", "spatial"), ("ct", "temporal")):
        weights |= prefixed(f"{ours}.", cross_attention(golden.below(f"{theirs}.")))
        weights |= prefixed(f"{ours}_norm.", golden.below(f"{theirs}_bn."))
    load(block, weights)
    result, (joints, frames) = block(views)
    for name, ours in zip(("ya", "yb"), result, strict=True):
        golden.check_map(f"out/{name}", ours)
    golden.check("out/co_spatial", cooccurrence(joints))
    golden.check("out/co_temporal", cooccurrence(frames))
    golden.check("out/relevance", received(cooccurrence(joints)))
    golden.check("out/radii", radii(received(cooccurrence(joints))))
    pooled = result.mean(dim=(2, 3))
    logits = F.linear(pooled, golden.weights["fc.weight"], golden.weights["fc.bias"])
    for name, ours in zip("ab", logits, strict=True):
        golden.check(f"out/logits_{name}", ours)
    label = torch.from_numpy(golden.arrays["in/labels"]).repeat(2)
    golden.check("out/ce", F.cross_entropy(logits.flatten(0, 1), label))
    golden.check("out/view_loss", (1 - F.cosine_similarity(pooled[0], pooled[1])).mean())
