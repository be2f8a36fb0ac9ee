"""Cross-attention between views beyond what golden files prove."""

import pytest
import torch
from torch import Tensor

from kineme.nn.cross_attention import CrossAttention, CrossBlock, ValueSource, cooccurrence, disagreement


def pair() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 6, 5, 8, dtype=torch.float64)


def attention(source: ValueSource = "own") -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(8, 2, source).double()


def test_the_map_is_the_product_of_both() -> None:
    scores = attention().scores(pair())
    product = scores.softmax(-1).prod(dim=0)
    torch.testing.assert_close(cooccurrence(scores), product / product.sum(-1, keepdim=True))


@pytest.mark.parametrize("source", ["own", "other"])
def test_swapped_views_swap_results(source: ValueSource) -> None:
    network = attention(source)
    mixed, scores = network(pair())
    swapped, of_swapped = network(pair().flip(0))
    torch.testing.assert_close(cooccurrence(of_swapped), cooccurrence(scores))
    torch.testing.assert_close(swapped.flip(0), mixed)


def test_permuted_tokens_permute_results() -> None:
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    mixed, _ = attention()(pair())
    torch.testing.assert_close(attention()(pair()[:, :, order])[0], mixed[:, :, order])


def test_a_view_alone_is_its_own_partner() -> None:
    block, alone = CrossBlock(8, 2).double(), pair()[:1]
    single, _ = block(alone)
    twice, _ = block(alone.repeat(2, 1, 1, 1, 1))
    torch.testing.assert_close(twice, single.repeat(2, 1, 1, 1, 1))


def test_disagreement() -> None:
    scores = attention().scores(pair())
    first, second = scores.softmax(-1)
    torch.testing.assert_close(disagreement(scores), (first - second).square().mean())
    assert disagreement(scores[:1].repeat(2, 1, 1, 1, 1)) == 0
