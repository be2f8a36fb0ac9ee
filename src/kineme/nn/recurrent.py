"""PFM, progressive feature modelling: a recurrent network reads attention features in order (spec-agrnet §4.6).

A re-implementation from the published description and the authors' driver: a bidirectional encoder whose last states
are the feature, and a decoder that regenerates a sequence from this one state, to which it returns at every step (the
fixed-state decoder of Su et al., "Predict & Cluster", CVPR 2020). That this is what the paper calls PFM is our reading.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from kineme.nn.matmul import Linear

Cell = Literal["rnn", "gru"]
Step = Callable[[Tensor], Tensor]
"""From an output (B, C) to the state (B, R) that the cell comes to from the state it always starts from."""


class RecurrentEncoder(nn.Module):
    """Bidirectional layers on torch's fused cells; the feature is the last layer's final state both ways.

    A tanh cell has one bias in the driver: torch's second one is zero and does not learn. The GRU differs from the
    driver's decoder cell: torch applies the reset gate after the product with the state, and only so is it fused.

    Args:
        width: D of the tokens.
        hidden: R of the feature; half of it each way.
        layers: how many, one on top of the other.
        cell: ``rnn``, tanh, or ``gru``.
    """

    def __init__(self, width: int, hidden: int, layers: int = 3, cell: Cell = "rnn") -> None:
        super().__init__()
        kind = nn.RNN if cell == "rnn" else nn.GRU
        self.rnn = kind(width, hidden // 2, layers, batch_first=True, bidirectional=True)
        self._start()

    def _start(self) -> None:
        """Glorot-uniform kernels, zero biases but for ones of a GRU's gates."""
        size = self.rnn.hidden_size
        for name, parameter in self.rnn.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
                parameter.requires_grad_(not name.startswith("bias_hh"))
        for direction in self.rnn.all_weights:
            of_input, of_state, bias, _ = direction
            for each in zip(of_input.split(size), of_state.split(size), strict=True):
                init_kernel(*each)
            with torch.no_grad():
                bias[: len(bias) - size].fill_(1.0)

    def forward(self, tokens: Tensor) -> Tensor:
        """Feature (B, R) of tokens (B, L, D)."""
        _, states = self.rnn(tokens)
        return torch.cat([states[-2], states[-1]], dim=-1)


class MeanState(nn.Module):
    """What takes the recurrent encoder's place where it is off: the mean over tokens, (B, L, D) to (B, D)."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(dim=1)


class StateCell(nn.Module):
    """Base of the cells of fixed-state decoders."""

    def begin(self, state: Tensor) -> Step:
        """The step from a state (B, R); what depends on the state alone is computed once."""
        raise NotImplementedError


class TanhCell(StateCell):
    """One step of a tanh network from a state that is the same at every step.

    Args:
        width: C of the outputs that it reads.
        state: R.
    """

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        self.of_input = Linear(width, state)
        self.of_state = nn.Linear(state, state, bias=False)
        init_kernel(self.of_input.weight, self.of_state.weight)
        nn.init.zeros_(self.of_input.bias)

    def begin(self, state: Tensor) -> Step:
        carried = self.of_state(state)
        return lambda output: (self.of_input(output) + carried).tanh()


class GatedCell(StateCell):
    """The same of a gated network that applies its reset gate before the product with the state, as TensorFlow does.

    Args:
        width: C of the outputs that it reads.
        state: R.
    """

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        self.of_input = Linear(width, 3 * state)  # reset, update, candidate
        self.gates_of_state = nn.Linear(state, 2 * state, bias=False)
        self.candidate_of_state = nn.Linear(state, state, bias=False)
        gates, candidate = self.of_input.weight.split((2 * state, state))
        init_kernel(gates, self.gates_of_state.weight)
        init_kernel(candidate, self.candidate_of_state.weight)
        with torch.no_grad():
            self.of_input.bias.zero_()[: 2 * state].fill_(1.0)

    def begin(self, state: Tensor) -> Step:
        carried = self.gates_of_state(state)

        def step(output: Tensor) -> Tensor:
            gates, candidate = self.of_input(output).split((carried.shape[-1], state.shape[-1]), dim=-1)
            reset, update = (gates + carried).sigmoid().chunk(2, dim=-1)
            candidate = (candidate + self.candidate_of_state(reset * state)).tanh()
            return update * state + (1 - update) * candidate

        return step


def decoder_cell(cell: Cell, width: int, state: int) -> StateCell:
    """Cell of a fixed-state decoder."""
    return TanhCell(width, state) if cell == "rnn" else GatedCell(width, state)


def read_out(state: int, width: int) -> Linear:
    """What turns a state into the change of the output."""
    layer = Linear(state, width)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.04, 0.04)
    return layer


def regenerate(cell: StateCell, change: Callable[[Tensor], Tensor], first: Tensor, state: Tensor, steps: int) -> Tensor:
    """Sequence from its first element and one state; every element reaches the next by its own change alone.

    Args:
        cell: the decoder's.
        change: the `read_out`.
        first: (B, C).
        state: (B, R), where every step starts.
        steps: how many elements follow the first.

    Returns:
        (B, steps, C).
    """
    step, outputs = cell.begin(state), [first]
    for _ in range(steps):
        outputs.append(outputs[-1] + change(step(outputs[-1])))
    return torch.stack(outputs[1:], dim=1)


def init_kernel(of_input: Tensor, of_state: Tensor) -> None:
    """Glorot-uniform for a kernel (D + R, R') that is kept in two parts, (R', D) and (R', R)."""
    bound = math.sqrt(6 / (of_input.shape[1] + of_state.shape[1] + of_input.shape[0]))
    for part in (of_input, of_state):
        with torch.no_grad():
            part.uniform_(-bound, bound)
