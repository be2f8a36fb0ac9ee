"""Relation-aware self-attention beyond what golden files prove."""

import pytest
import torch
from torch.nn import functional as F

from kineme.layout import Layout
from kineme.nn.relation_attention import RelationAttention, SpatialRelationAttention, TemporalRelationAttention

LAYOUT = Layout.get("kinect20")
T = 24
KINDS = pytest.mark.parametrize("kind", [SpatialRelationAttention, TemporalRelationAttention])


Kind = type[SpatialRelationAttention] | type[TemporalRelationAttention]


def network(kind: Kind, local_heads: int = 2, drop_connect: float = 0.0) -> RelationAttention:
    torch.manual_seed(0)
    attention = kind(8, 16, 4, local_heads, LAYOUT, drop_connect=drop_connect).double()
    for parameter in (attention.gamma, attention.beta):
        parameter.data.add_(torch.randn_like(parameter))
    return attention


def clips() -> torch.Tensor:
    return torch.randn(2, T, LAYOUT.num_joints, 8, dtype=torch.float64)


@KINDS
def test_rows_sum_to_one_and_hidden_pairs_are_zero(kind: Kind) -> None:
    attention = network(kind)
    weights = attention.attention(clips())
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    hidden = ~attention.local(weights.shape[-1])
    assert hidden.any()
    assert (weights[:, :, 2:, hidden] == 0).all()
    assert (weights[:, :, :2] > 0).all()


@KINDS
def test_fused_and_by_map_agree(kind: Kind) -> None:
    attention = network(kind)
    results = []
    for attend in (attention.attend_fused, attention.attend_by_map):
        attention.zero_grad()
        z = attend(*attention.tokens_of(clips_of(1)))
        z.square().sum().backward()
        results.append([z, *(p.grad for name, p in attention.named_parameters() if not name.startswith("out."))])
    for fused, by_map in zip(*results, strict=True):
        torch.testing.assert_close(fused, by_map)


def clips_of(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return clips()


@KINDS
def test_without_relations_it_is_ordinary_attention(kind: Kind) -> None:
    attention, x = network(kind, local_heads=0), clips()
    for parameter in (attention.gamma, attention.beta):
        parameter.data.zero_()
    tokens = x if kind is SpatialRelationAttention else x.transpose(1, 2)
    query, key, value = attention.qkv(tokens).unflatten(-1, (3, 4, -1)).permute(3, 0, 1, 4, 2, 5)
    expected = attention.out(F.scaled_dot_product_attention(query, key, value).transpose(2, 3).flatten(3))
    ours = attention(x)
    torch.testing.assert_close(ours, expected if kind is SpatialRelationAttention else expected.transpose(1, 2))


@KINDS
def test_dropped_keys(kind: Kind) -> None:
    attention, x = network(kind, drop_connect=0.5), clips()
    weights = attention.attention(x)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    dropped = (weights[:, :, :2] == 0).all(dim=-2).double().mean().item()
    assert dropped == pytest.approx(0.5, abs=0.05)
    assert (weights[:, :, 2:, ~attention.local(weights.shape[-1])] == 0).all()
    assert (attention.eval().attention(x)[:, :, :2] > 0).all()


def test_near_frames_are_an_eighth() -> None:
    attention = network(TemporalRelationAttention)
    assert attention.local(T)[10].nonzero().flatten().tolist() == list(range(7, 14))
    assert attention.local(3)[1].all()
    assert not attention.local(3)[0, 2]


def test_far_frames_are_equally_far() -> None:
    attention = TemporalRelationAttention(8, 16, 4, 2, LAYOUT, furthest=2)
    assert attention.relation(5)[0].tolist() == [2, 3, 4, 4, 4]
    assert attention.relation(5)[4].tolist() == [0, 0, 0, 1, 2]
