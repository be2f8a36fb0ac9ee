"""Training in bfloat16: hundreds of steps of every method, and no number is lost."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fake import small_store
from kineme.errors import ConfigError
from kineme.methods import methods
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.loop import fit
from small import pairs, small_pair

STORE = small_store()
EPOCHS = 67
"""Of three steps: 201."""


def configs() -> dict[str, RunConfig]:
    """A small run of every method, on the first encoder that it accepts, at a learning rate that makes large steps."""
    found: dict[str, RunConfig] = {}
    for method, encoder in pairs():
        config = small_pair(method, encoder)
        try:
            build_method(config, STORE.layout, STORE.channels)
        except ConfigError:
            continue
        train = config.train.with_changes(
            epochs=EPOCHS, stop_epoch=None, batch_size=8, lr=1e-2, min_lr=1e-3, precision="bf16-mixed", log_steps=20
        )
        found.setdefault(method, config.with_changes(train=train))
    return found


CONFIGS = configs()


def test_every_method_is_here() -> None:
    assert list(CONFIGS) == methods.names()


@pytest.mark.parametrize("method", CONFIGS)
def test_two_hundred_steps(method: str, tmp_path: Path) -> None:
    run = fit(CONFIGS[method], STORE, tmp_path / "run", accelerator="cpu")  # a loss that is not a number is an error
    lines = run.metrics()
    assert lines[-1]["step"] == 201
    assert lines[-1]["loss"] < lines[0]["loss"]
    weights = load_file(run.path / "weights.safetensors")
    assert all(value.isfinite().all() for value in weights.values())
    assert all(value.dtype == torch.float32 for value in weights.values() if value.is_floating_point())
