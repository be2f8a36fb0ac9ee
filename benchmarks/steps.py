"""Training steps of two networks side by side: that they are the same, how long they take, what they keep."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.rows import Result
from benchmarks.timing import in_turns
from kineme.methods import Progress

START = Progress(step=0, epoch=0.0, epochs=1)
Step = Callable[[], object]
Translate = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Side:
    """A network, its loss for a given batch, and its optimiser."""

    network: nn.Module
    loss: Callable[[], Tensor]
    optimizer: torch.optim.Optimizer

    def step(self, context: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Step:
        """Forward, backward and optimiser step, all in a context."""

        def run() -> None:
            with context():
                self.loss().backward()
                self.optimizer.step()
                self.optimizer.zero_grad()

        return run


def compare_steps(theirs: Side, ours: Side, rounds: int) -> Result:
    """A training step of each."""
    return Result.of_seconds(*in_turns(theirs.step(), ours.step(), rounds=rounds))


def authors_adamw(network: nn.Module) -> torch.optim.AdamW:
    """Plain AdamW as the masked family's scripts build it."""
    decay, plain = [], []
    for parameter in network.parameters():
        (decay if parameter.ndim > 1 else plain).append(parameter)
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decay, "weight_decay": 0.05}]
    return torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95))


def assert_same(theirs: Side, ours: Side, translate: Translate, loss: float = 1e-5, gradients: float = 1e-4) -> None:
    """Stop unless both have the same loss and the same gradients, up to relative differences.

    Args:
        theirs, ours: with equal weights, batches and draws.
        translate: parameters under their names to ours.
        loss, gradients: tolerated.
    """
    expected, own = theirs.loss(), ours.loss()
    torch.testing.assert_close(own.double(), expected.double(), rtol=loss, atol=0)
    expected.backward()
    own.backward()
    learned = {name: each.grad for name, each in theirs.network.named_parameters() if each.grad is not None}
    wanted = translate(learned)
    # Gradients of what a batch norm takes out are nothing but the noise of all others.
    noise = 0.01 * gradients * sum(each.norm() ** 2 for each in wanted.values()) ** 0.5
    for name, parameter in ours.network.named_parameters():
        if parameter.grad is not None or name in wanted:
            difference, size = (grad_of(parameter) - wanted[name]).norm(), wanted[name].norm()
            assert difference <= gradients * size + noise, f"{name}: gradients differ by {difference:.1e} of {size:.1e}"
    for side in (theirs, ours):
        side.network.zero_grad()


def grad_of(parameter: nn.Parameter) -> Tensor:
    """Its gradient, which it must have."""
    assert parameter.grad is not None
    return parameter.grad


def saved_bytes(side: Side) -> int:
    """Bytes that the forward pass keeps for the backward pass, parameters not counted."""
    own = {parameter.untyped_storage().data_ptr() for parameter in side.network.parameters()}
    kept = {}  # holds on to the storages, or their addresses would be used again

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        side.loss()
    return sum(storage.nbytes() for address, storage in kept.items() if address not in own)
