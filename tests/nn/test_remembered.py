"""Results of weights alone: computed again only once they can have changed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from kineme.nn.remembered import Remembered


@pytest.fixture
def ask() -> Callable[[nn.Linear], int]:
    """Asks for the bias of a layer, checks the answer, and tells how often it was computed so far."""
    remembered, computed = Remembered(), []

    def bias(layer: nn.Linear) -> Tensor:
        computed.append(layer)
        return layer.bias.clone()

    def ask(layer: nn.Linear) -> int:
        answer = remembered.of(layer, lambda: bias(layer))
        assert torch.equal(answer, layer.bias)
        assert not answer.requires_grad
        return len(computed)

    return ask


def test_once_for_the_same_weights(ask: Callable[[nn.Linear], int]) -> None:
    layer = nn.Linear(2, 2)
    assert [ask(layer), ask(layer)] == [1, 1]
    with torch.inference_mode():
        assert ask(layer) == 1


def test_again_for_others(ask: Callable[[nn.Linear], int]) -> None:
    layer = nn.Linear(2, 2)
    assert ask(layer) == 1
    with torch.no_grad():
        layer.bias.add_(1)
    assert ask(layer) == 2
    layer.load_state_dict(nn.Linear(2, 2).state_dict())
    assert ask(layer) == 3
    assert ask(layer.double()) == 4
    with torch.autocast("cpu", torch.bfloat16):
        assert ask(layer) == 5


def test_weights_whose_changes_nobody_counts_are_never_trusted(ask: Callable[[nn.Linear], int]) -> None:
    with torch.inference_mode():
        layer = nn.Linear(2, 2)
        assert ask(layer) == 1
        layer.bias.add_(1)
        assert ask(layer) == 2
