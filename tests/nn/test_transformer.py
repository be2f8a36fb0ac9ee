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
    x, uniform = torch.rand(4, 3, 2), torch.tensor([0.0, 0.2499, 0.25, 0.99])
    out = drop_path(x, 0.25, uniform, torch.ones_like, x)
    expected = torch.tensor([0.0, 0.0, 1, 1]) / 0.75
    torch.testing.assert_close(out - x, expected[:, None, None].expand(4, 3, 2))


def test_drop_path_is_for_training() -> None:
    layer, x = DropPath(0.9), torch.zeros(200, 2)
    kept = layer(x, torch.ones_like, x)
    assert set(kept[:, 0].tolist()) == {0.0, kept.max().item()}
    assert kept.max().item() == pytest.approx(10)
    assert torch.equal(layer.eval()(x, torch.ones_like, x), torch.ones_like(x))
    assert torch.equal(DropPath(0.0)(x, torch.ones_like, x), torch.ones_like(x))


@pytest.mark.parametrize("seed", range(3))
def test_dropped_branches_are_not_computed(seed: int) -> None:
    block, x = Block(8, 2, 4.0, drop=0.6), torch.rand(5, 6, 8)
    torch.manual_seed(seed)
    draws = [(0.4 + torch.rand(5)).floor() for _ in range(2)]
    attended = x + draws[0][:, None, None] * block.attend(x) / 0.4
    expected = attended + draws[1][:, None, None] * block.transform(attended) / 0.4
    torch.manual_seed(seed)
    computed = []
    block.mlp.register_forward_pre_hook(lambda _, inputs: computed.append(len(inputs[0])))
    torch.testing.assert_close(block(x), expected)
    assert computed == [draws[1].sum()]


def test_a_block_that_drops_everything_still_has_gradients() -> None:
    block, x = Block(8, 2, 4.0, drop=1 - 1e-9), torch.rand(2, 6, 8)
    out = block(x)
    assert torch.equal(out, x)
    out.sum().backward()
    assert all(parameter.grad is not None for parameter in block.parameters())


def test_init_linear() -> None:
    network = nn.Sequential(nn.Linear(64, 32), nn.LayerNorm(32), nn.Linear(32, 8, bias=False))
    init_linear(network)
    first = network[0]
    assert isinstance(first, nn.Linear)
    assert not first.bias.any()
    assert first.weight.abs().max() <= (6 / (64 + 32)) ** 0.5
