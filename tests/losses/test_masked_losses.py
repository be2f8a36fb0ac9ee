"""Losses of masked prediction."""

import torch

from kineme.losses.masked import normalisers, token_error


def test_tokens_get_mean_0_and_variance_1() -> None:
    normalised = normalisers["token"](torch.rand(3, 5, 12) * 7 + 2)
    torch.testing.assert_close(normalised.mean(dim=-1), torch.zeros(3, 5), rtol=0, atol=1e-5)
    torch.testing.assert_close(normalised.var(dim=-1), torch.ones(3, 5), rtol=1e-4, atol=0)
    assert not normalisers["token"](torch.full((1, 2, 6), 3.0)).any()


def test_a_body_keeps_the_proportions_of_its_tokens() -> None:
    target = torch.rand(2, 5, 12) * torch.tensor([1.0, 9.0]).view(2, 1, 1)
    normalised = normalisers["clip"](target)
    torch.testing.assert_close(normalised.square().mean(dim=(1, 2)), torch.ones(2), rtol=1e-4, atol=0)
    torch.testing.assert_close(normalised[1] / normalised[1, 0, 0], target[1] / target[1, 0, 0])
    assert not normalisers["clip"](torch.zeros(1, 2, 6)).any()


def test_targets_as_they_are() -> None:
    target = torch.rand(1, 2, 6)
    assert torch.equal(normalisers["none"](target), target)


def test_token_error_is_float32() -> None:
    prediction = torch.tensor([[[1.0, 2.0]]], dtype=torch.bfloat16)
    error = token_error(prediction, torch.tensor([[[1.0, 5.0]]]))
    assert (error.dtype, error.tolist()) == (torch.float32, [[4.5]])
