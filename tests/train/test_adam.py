"""Adam with one count of steps: beside torch's own, in a checkpoint, and against TensorFlow's (golden ``pfm``)."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from conftest import golden_cases, load_npz
from kineme.train.adam import SharedStepAdam
from kineme.train.config import TrainConfig
from kineme.train.optim import build_optimizer, learning_rate

Weights = Mapping[str, Tensor]


def test_parameters_that_always_learn_do_as_in_torch() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 6)) for _ in range(2))
    first = SharedStepAdam([ours], lr=0.01, weight_decay=0.1, eps=1e-12)
    second = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1, eps=1e-12)
    for _ in range(5):
        ours.grad = torch.randn(6)
        theirs.grad = ours.grad.clone()
        first.step()
        second.step()
        torch.testing.assert_close(ours, theirs)


def test_a_latecomer_finds_the_count_advanced() -> None:
    early, late = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(1))
    optimizer = SharedStepAdam([{"params": [early]}, {"params": [late]}], lr=1.0, weight_decay=0.5)
    early.grad = torch.ones(1)
    optimizer.step()
    assert early.item() == pytest.approx(-1)
    assert late.item() == 1, "neither moved nor decayed"
    early.grad, late.grad = None, torch.ones(1)
    optimizer.step()
    correction = (1 - 0.999**2) ** 0.5 / (1 - 0.9**2)
    assert early.item() == pytest.approx(-1)
    assert late.item() == pytest.approx(0.5 - correction * 0.1 / 0.001**0.5, rel=1e-4)


def test_a_checkpoint_holds_the_count() -> None:
    """A parameter that never learned before the checkpoint starts after it as if there had been none."""

    def run(stop: bool) -> list[nn.Parameter]:
        parameters = [nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))]
        optimizer = SharedStepAdam(parameters, lr=0.1)
        for step in range(6):
            if stop and step == 3:
                file = io.BytesIO()
                torch.save(optimizer.state_dict(), file)
                file.seek(0)
                optimizer = SharedStepAdam(parameters, lr=0.5)
                optimizer.load_state_dict(torch.load(file, weights_only=True))
            for parameter in parameters:
                parameter.grad = None
            parameters[step >= 3].grad = torch.tensor([1.0, -2.0, 0.1]) * (step + 1)
            optimizer.step()
        return parameters

    for whole, resumed in zip(run(stop=False), run(stop=True), strict=True):
        assert torch.equal(whole, resumed)


def test_a_closure_is_evaluated_with_gradients() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = SharedStepAdam([parameter], lr=0.1)

    def closure() -> float:
        loss = parameter.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 1
    assert parameter.item() == pytest.approx(0.9)


def test_it_is_what_a_run_may_ask_for() -> None:
    config = TrainConfig(optimizer="adam_global", betas=(0.8, 0.99), weight_decay=0.1)
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    assert isinstance(optimizer, SharedStepAdam)
    assert [(group["weight_decay"], group["betas"]) for group in optimizer.param_groups] == [
        (0.1, (0.8, 0.99)),
        (0.0, (0.8, 0.99)),
    ]


def test_steps_may_be_small() -> None:
    config = TrainConfig(schedule="steps", steps=(2, 4), step_factor=0.95, warmup_epochs=0, lr=1.0, epochs=6)
    assert [learning_rate(config, epoch) for epoch in (0, 1.5, 2, 4, 5)] == pytest.approx([1, 1, 0.95, 0.9025, 0.9025])


def step_of(weights: Weights, name: str, x: Tensor, state: Tensor) -> Tensor:
    """A tanh cell, as the published formula has it."""
    return (torch.cat([x, state], dim=1) @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]).tanh()


def gated_step_of(weights: Weights, name: str, x: Tensor, state: Tensor) -> Tensor:
    """A GRU cell; reset before update, and before the product."""
    gates = torch.cat([x, state], dim=1) @ weights[f"{name}.gates.kernel"] + weights[f"{name}.gates.bias"]
    reset, update = gates.sigmoid().chunk(2, dim=1)
    inner = torch.cat([x, reset * state], dim=1) @ weights[f"{name}.candidate.kernel"]
    return update * state + (1 - update) * (inner + weights[f"{name}.candidate.bias"]).tanh()


def feature_of(weights: Weights, tokens: Tensor) -> Tensor:
    """Final states, forward then backward, of the last layer: (B, L, D) to (B, R)."""
    states: list[Tensor] = []
    for layer in range(sum(name.startswith("enc.") for name in weights) // 4):
        ways = []
        for way, frames in (("fw", tokens.unbind(1)), ("bw", tokens.flip(1).unbind(1))):
            outputs = [tokens.new_zeros(len(tokens), len(weights[f"enc.{layer}.{way}.bias"]))]
            for frame in frames:
                outputs.append(step_of(weights, f"enc.{layer}.{way}", frame, outputs[-1]))
            ways.append(torch.stack(outputs[1:] if way == "fw" else outputs[:0:-1], dim=1))
            states.append(outputs[-1])
        tokens = torch.cat(ways, dim=2)
    return torch.cat(states[-2:], dim=1)


def loss_of(weights: Weights, tokens: Tensor, stream: str) -> Tensor:
    """Summed absolute error of a decoder that returns to the feature at every step (spec-agrnet §4.6, §4.7)."""
    feature, output, errors = feature_of(weights, tokens), tokens[:, 0], []
    cell = step_of if stream == "t" else gated_step_of
    for target in tokens[:, 1:].unbind(1):
        state = cell(weights, f"dec_{stream}", output, feature)
        output = output + state @ weights["proj.kernel"] + weights["proj.bias"]
        errors.append((output - target).abs().sum(dim=1))
    return torch.stack(errors, dim=1).mean()


@pytest.mark.parametrize("path", golden_cases("agrnet/pfm*.npz"))
def test_two_steps_of_the_authors_optimiser(path: Path) -> None:
    """The spatial decoder learns in the second step only, and less than torch's Adam would have it."""
    arrays = {key: torch.from_numpy(value).double() for key, value in load_npz(path).items()}
    weights = {key[2:]: nn.Parameter(value) for key, value in arrays.items() if key.startswith("w/")}
    optimizer = SharedStepAdam(weights.values(), lr=1e-4)
    before = {name: value.detach().clone() for name, value in weights.items()}
    for stream, after in (("t", "after_t_"), ("s", "after_ts_")):
        optimizer.zero_grad()
        loss_of(weights, arrays[f"in/x_{stream}"], stream).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 25.0)
        optimizer.step()
        for name, value in weights.items():
            moved, expected = value.detach() - before[name], arrays[f"out/{after}{name}"] - before[name]
            torch.testing.assert_close(
                moved, expected, rtol=0, atol=5e-6, msg=lambda text, name=name: f"{name}: {text}"
            )
    for stream in ("t", "s"):
        loss = loss_of(weights, arrays[f"in/x_{stream}"], stream)
        torch.testing.assert_close(loss, arrays[f"out/loss_{stream}_after"], rtol=5e-5, atol=0, check_device=False)
