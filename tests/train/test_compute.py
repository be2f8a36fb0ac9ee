"""What a training cost: operations as counted by hand, recorded by the way, and the training none the wiser."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fake import small_store, tiny_config
from kineme.encoders.stgcn import STGCNConfig
from kineme.errors import ConfigError
from kineme.methods import methods
from kineme.nn.graph import layout_adjacency
from kineme.nn.recurrent import RecurrentEncoder
from kineme.recipes.base import RunConfig
from kineme.train import loop
from kineme.train.build import with_classes
from kineme.train.compute import FlopCounter, count_flops
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir
from small import encoder_for, small_pair

STORE = small_store()
EVERYONE = np.arange(len(STORE))
T, V, C, K = 16, STORE.layout.num_joints, 3, 3


def supervised(encoder: dict[str, Any]) -> RunConfig:
    return tiny_config(
        method={"name": "supervised", "head": "plain", "num_classes": K}, encoder=encoder, prepare={"window": T}
    )


def test_transformer_by_hand() -> None:
    D, S, depth = 32, 4, 3
    L, hidden = S * V, 4 * D
    config = supervised({"name": "skeleton_transformer", "width": D, "depth": depth, "heads": 2, "segment": T // S})
    bodies = config.prepare.bodies
    embedding = 2 * L * (T // S * C) * D
    attention = 2 * L * D * 4 * D + 2 * 2 * L * L * D
    block = attention + 2 * 2 * L * D * hidden
    # Gradients of inputs and of weights cost as much as the forward pass each; clips need no gradient.
    expected = bodies * (2 * embedding + 3 * depth * block) + 3 * 2 * D * K
    assert count_flops(config, STORE, EVERYONE, 8) == pytest.approx(expected, rel=0.01)


def test_stgcn_by_hand() -> None:
    encoder = STGCNConfig(hidden_channels=8, width=32)
    config = supervised(encoder.model_dump())
    partitions = len(layout_adjacency(STORE.layout, encoder.strategy))
    forward, frames, before = 0, T, C
    for i, width in enumerate(encoder.widths):
        forward += 2 * frames * V * V * partitions * before + 2 * frames * V * partitions * before * width
        frames = -(-frames // 2) if i in (4, 7) else frames
        forward += 2 * frames * V * 9 * width * width
        if i and before != width:
            forward += 2 * frames * V * before * width
        before = width
    expected = 3 * (config.prepare.bodies * forward + 2 * before * K)
    assert count_flops(config, STORE, EVERYONE, 8) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3)])
def test_recurrent_layers_are_counted(cell: Any, gates: int) -> None:
    D, R, L, layers = 8, 12, 10, 2
    network = RecurrentEncoder(D, R, layers, cell)
    with FlopCounter() as counter:
        network(torch.randn(2, L, D, requires_grad=True)).sum().backward()
    forward = sum(2 * 2 * L * gates * (width + R // 2) * R // 2 for width in (D, R)) * 2
    # The last layer's cells beyond the final state, and states before the first, need no gradient.
    assert 0.85 * 3 * forward < counter.flops <= 3 * forward


@pytest.mark.parametrize("name", methods.names())
def test_every_method_is_counted(name: str) -> None:
    config = with_classes(small_pair(name, encoder_for(name)), STORE)
    assert count_flops(config, STORE, EVERYONE, 4) > 0
    assert count_flops(config, STORE, EVERYONE, 4) == count_flops(config, STORE, EVERYONE, 4)


def test_views_of_other_clips_are_counted_alike() -> None:
    config = with_classes(small_pair("danet", "danet"), STORE)
    itself = count_flops(config, STORE, EVERYONE, 4)
    assert count_flops(config.with_changes(partner="other_view"), STORE, EVERYONE, 4) == pytest.approx(itself, rel=0.05)


def trained(config: RunConfig, out: Path, **options: Any) -> RunDir:
    return fit(config, STORE, out, accelerator="cpu", **options)


def state_of(run: RunDir) -> dict[str, torch.Tensor]:
    return load_file(run.path / "weights.safetensors")


@pytest.mark.parametrize("method", ["mae", "skeletonclr"])
def test_training_is_not_disturbed(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither weights and queue nor random draws: stochastic depth and dropout draw from torch's own generator."""
    config = small_pair(method, encoder_for(method)) if method != "mae" else tiny_config()
    if method == "mae":
        config = config.with_changes(encoder=config.encoder.with_changes(drop_path=0.2, depth=2))
    before = torch.get_rng_state()
    counted = trained(config, tmp_path / "counted")
    torch.set_rng_state(before)
    monkeypatch.setattr(loop, "count_flops", lambda *args: 0.0)
    plain = trained(config, tmp_path / "plain")
    weights, others = state_of(counted), state_of(plain)
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert [line["loss"] for line in counted.metrics()] == [line["loss"] for line in plain.metrics()]


def test_it_is_recorded(tmp_path: Path) -> None:
    run = trained(tiny_config(), tmp_path)
    compute = run.compute()
    assert compute is not None
    assert (compute.steps, compute.clips, compute.processes) == (6, 48, 1)
    assert compute.precision == run.config.train.precision
    assert compute.device.startswith("cpu")
    assert compute.flops_per_clip == count_flops(run.config, STORE, EVERYONE, 8)
    assert compute.flops == 48 * compute.flops_per_clip
    assert compute.seconds == pytest.approx(run.metrics()[-1]["seconds"], abs=5)


def never(*args: Any) -> float:
    raise AssertionError("counted again")


def test_a_finished_run_of_an_older_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tiny_config(), tmp_path)
    recorded, weights = run.compute(), state_of(run)
    (tmp_path / "compute.json").unlink()
    steps: list[Any] = []
    added = trained(tiny_config(), tmp_path, resume=True, on_step=steps.append).compute()
    assert recorded is not None
    assert added is not None
    assert not steps
    assert added.seconds == pytest.approx(recorded.seconds, abs=1)
    assert added.with_changes(seconds=recorded.seconds) == recorded
    assert all(torch.equal(weights[name], value) for name, value in state_of(run).items())
    monkeypatch.setattr(loop, "count_flops", never)
    assert trained(tiny_config(), tmp_path, resume=True).compute() == added


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    run = trained(tiny_config(), tmp_path)
    (tmp_path / "compute.json").write_text("{")
    with pytest.raises(ConfigError, match=r"compute\.json: not JSON"):
        run.compute()
