"""Attention with common tokens computed once is attention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.nn.shared_attention import shared_attention
from kineme.nn.tokens import put_tokens
from kineme.nn.transformer import Attention


def tokens(B: int, L: int, K: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Common ones (1, L, D), own ones (B, K, D), and their places."""
    generator = torch.Generator().manual_seed(B + L + K)
    common, own = (scale * torch.randn(n, generator=generator, dtype=torch.float64) for n in ((1, L, 8), (B, K, 8)))
    where = torch.stack([torch.randperm(L, generator=generator)[:K] for _ in range(B)])
    return common.requires_grad_(), own.requires_grad_(), where


@settings(deadline=None, max_examples=30)
@given(B=st.integers(1, 4), L=st.integers(2, 12), data=st.data())
def test_it_is_attention(B: int, L: int, data: st.DataObject) -> None:
    torch.manual_seed(0)
    attention = Attention(width=8, heads=2).double()
    common, own, where = tokens(B, L, data.draw(st.integers(1, L - 1)))
    expected = attention(put_tokens(common.expand(B, -1, -1), where, own))
    ours = shared_attention(attention, common, own, where)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)
    weight = torch.randn(expected.shape, dtype=torch.float64)
    inputs = [common, own, *attention.parameters()]
    gradients = [torch.autograd.grad((x * weight).sum(), inputs) for x in (ours, expected)]
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("scale", [30.0, 1e3])
def test_sharp_attention_stays_finite(scale: float) -> None:
    """Weights that leave nothing to all tokens but one, in float32."""
    torch.manual_seed(0)
    attention = Attention(width=8, heads=2)
    common, own, where = tokens(3, 10, 4, scale)
    common, own = common.detach().float().requires_grad_(), own.detach().float().requires_grad_()
    ours = shared_attention(attention, common, own, where)
    expected = attention(put_tokens(common.expand(3, -1, -1), where, own))
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3 * scale)
    ours.sum().backward()
    assert common.grad is not None
    assert own.grad is not None
    assert common.grad.isfinite().all()
    assert own.grad.isfinite().all()
