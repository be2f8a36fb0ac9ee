"""PFM against the authors' driver, and what a fixed state means."""

import pytest
import torch
from torch import nn

from agrnet_golden import Golden, double, from_driver
from conftest import golden_cases
from kineme.losses.reconstruction import masked_l1
from kineme.nn.recurrent import Cell, RecurrentEncoder, StateCell, decoder_cell, read_out, regenerate
from kineme.train.adam import SharedStepAdam

TOLERANCE = 5e-5  # the driver runs in float32
STREAMS = {"t": "temporal", "s": "spatial"}


class Shared(nn.Module):
    """The recurrent part of the driver: all but the decoders' cells is shared by both streams."""

    def __init__(self, golden: Golden) -> None:
        super().__init__()
        width, state = golden["in/x_t"].shape[-1], golden["out/feature_t"].shape[-1]
        layers = sum(name.endswith("fw.kernel") for name in golden.weights)
        self.summary = RecurrentEncoder(width, state, layers)
        kinds: dict[str, Cell] = {"temporal": "rnn", "spatial": "gru"}
        self.cells = nn.ModuleDict({name: decoder_cell(kind, width, state) for name, kind in kinds.items()})
        self.read_out = read_out(state, width)
        self.load_state_dict(from_driver(golden.weights))

    def regenerated(self, stream: str, x: torch.Tensor) -> torch.Tensor:
        cell = self.cells[stream]
        assert isinstance(cell, StateCell)
        return regenerate(cell, self.read_out, x[:, 0], self.summary(x), x.shape[1] - 1)

    def loss(self, stream: str, x: torch.Tensor) -> torch.Tensor:
        return masked_l1(self.regenerated(stream, x), x[:, 1:])


@pytest.fixture(params=golden_cases("agrnet/pfm*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.mark.parametrize("stream", STREAMS)
def test_features_predictions_and_losses(golden: Golden, stream: str) -> None:
    with double():
        ours = Shared(golden)
    x = golden[f"in/x_{stream}"]
    golden.check(f"mid/enc_states_{stream}", ours.summary.rnn(x)[0], TOLERANCE)
    golden.check(f"out/feature_{stream}", ours.summary(x), TOLERANCE)
    golden.check(f"out/pred_{stream}", ours.regenerated(STREAMS[stream], x), TOLERANCE)
    golden.check(f"out/loss_{stream}", ours.loss(STREAMS[stream], x), TOLERANCE)


def test_a_step_on_each_stream(golden: Golden) -> None:
    with double():
        ours = Shared(golden)
    optimizer = SharedStepAdam([p for p in ours.parameters() if p.requires_grad], lr=1e-4)
    for stream, after in (("t", "t"), ("s", "ts")):
        ours.loss(STREAMS[stream], golden[f"in/x_{stream}"]).backward()
        nn.utils.clip_grad_norm_(ours.parameters(), 25)
        optimizer.step()
        optimizer.zero_grad()
        state = ours.state_dict()
        for name, expected in from_driver(golden.under(f"out/after_{after}_")).items():
            torch.testing.assert_close(state[name], expected, rtol=0, atol=1e-6, msg=f"{name} after {after}")
    for stream, name in STREAMS.items():
        golden.check(f"out/loss_{stream}_after", ours.loss(name, golden[f"in/x_{stream}"]), TOLERANCE)


@pytest.mark.parametrize("kind", ["rnn", "gru"])
def test_an_element_depends_on_the_one_before_and_the_state_alone(kind: Cell) -> None:
    with double():
        cell, change = decoder_cell(kind, 5, 8), read_out(8, 5)
    first, state = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 8, dtype=torch.float64)
    whole = regenerate(cell, change, first, state, 6)
    rest = regenerate(cell, change, whole[:, 2], state, 3)
    torch.testing.assert_close(rest, whole[:, 3:])


@pytest.mark.parametrize("kind", ["rnn", "gru"])
def test_second_biases_stay_zero(kind: Cell) -> None:
    encoder = RecurrentEncoder(6, 8, 2, kind)
    encoder(torch.randn(2, 7, 6)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is None) == ("bias_hh" in name)
        assert "bias_hh" not in name or not parameter.any()


def test_final_states_of_both_directions() -> None:
    encoder = RecurrentEncoder(6, 8, 2)
    x = torch.randn(2, 7, 6)
    states, _ = encoder.rnn(x)
    assert torch.equal(encoder(x), torch.cat([states[:, -1, :4], states[:, 0, 4:]], dim=-1))


def test_gates_begin_open() -> None:
    encoder = RecurrentEncoder(6, 8, 1, "gru")
    assert encoder.get_parameter("rnn.bias_ih_l0").tolist() == [1.0] * 8 + [0.0] * 4
