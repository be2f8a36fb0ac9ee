"""Transformer blocks."""

import pytest
import torch
from torch import nn

from kineme.nn.tokens import take_tokens
from kineme.nn.transformer import Attention, Block, DropPath, drop_path, init_linear


def test_attention_is_softmax_of_scaled_products() -> None:
    attention, x = Attention(width=12, heads=3), torch.rand(2, 5, 12)
    q, k, v = attention.qkv(x).view(2, 5, 3, 3, 4).permute(2, 0, 3, 1, 4)
    weight = (q @ k.mT / 4**0.5).softmax(dim=-1)
    expected = attention.proj((weight @ v).transpose(1, 2).reshape(2, 5, 12))
    torch.testing.assert_close(attention(x), expected)


def test_block_treats_tokens_alike() -> None:
    block, x = Block(8, 2, 4.0), torch.rand(2, 6, 8)
    order = torch.randperm(6)
    torch.testing.assert_close(block(x)[:, order], block(x[:, order]))


def test_block_for_some_tokens_alone() -> None:
    block, x = Block(8, 2, 4.0), torch.rand(2, 6, 8)
    wanted = torch.tensor([[4, 0, 1], [5, 2, 3]])
    torch.testing.assert_close(block(x, wanted), take_tokens(block(x), wanted))
    assert block(x, wanted[:, :1]).shape == (2, 1, 8)


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    branch = torch.ones(4, 3, 2)
    dropped = drop_path(branch, 0.25, torch.tensor([0.0, 0.2499, 0.25, 0.99]).view(4, 1, 1))
    torch.testing.assert_close(dropped[:, 0, 0], torch.tensor([0.0, 0.0, 1, 1]) / 0.75)
    assert torch.equal(dropped[2], dropped[2, :1, :1].expand(3, 2))


def test_drop_path_is_for_training() -> None:
    layer, branch = DropPath(0.9), torch.ones(200, 2)
    kept = layer(branch)
    assert set(kept[:, 0].tolist()) == {0.0, kept.max().item()}
    assert kept.max().item() == pytest.approx(10)
    assert torch.equal(layer.eval()(branch), branch)
    assert torch.equal(DropPath(0.0)(branch), branch)


def test_init_linear() -> None:
    network = nn.Sequential(nn.Linear(64, 32), nn.LayerNorm(32), nn.Linear(32, 8, bias=False))
    init_linear(network)
    first = network[0]
    assert isinstance(first, nn.Linear)
    assert not first.bias.any()
    assert first.weight.abs().max() <= (6 / (64 + 32)) ** 0.5
