"""The loss of regenerated sequences."""

import torch

from kineme.losses.reconstruction import masked_l1


def test_sum_over_channels_mean_over_steps_that_count() -> None:
    target = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [2.0, 2.0]], [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]])
    prediction = target + 0.5
    assert masked_l1(prediction, target) == 1.0
    prediction[0, 1] = 100
    assert masked_l1(prediction, target) == 1.0
    prediction[0, 2] += 1
    assert masked_l1(prediction, target) == 1.5


def test_an_absent_body_has_no_error() -> None:
    target = torch.zeros(2, 3, 4)
    target[0] = 1
    loss = masked_l1(torch.full_like(target, 2.0).requires_grad_(), target)
    assert loss == 2.0
    loss.backward()
