"""Training in bfloat16: hundreds of steps of every method, and no number is lost."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fake import small_store
from kineme.methods import methods
from kineme.recipes.base import RunConfig
from kineme.train.loop import fit
from small import encoder_for, small_pair

STORE = small_store()
EPOCHS = 67
"""Of three steps: 201."""


def config_of(method: str) -> RunConfig:
    """A small run at a learning rate that makes large steps."""
    config = small_pair(method, encoder_for(method))
    train = config.train.with_changes(
        epochs=EPOCHS, stop_epoch=None, batch_size=8, lr=1e-2, min_lr=1e-3, precision="bf16-mixed", log_steps=20
    )
    return config.with_changes(train=train)


@pytest.mark.parametrize("method", methods.names())
def test_two_hundred_steps(method: str, tmp_path: Path) -> None:
    run = fit(config_of(method), STORE, tmp_path / "run", accelerator="cpu")  # a loss that is not a number is an error
    lines = run.metrics()
    assert lines[-1]["step"] == 201
    assert lines[-1]["loss"] < lines[0]["loss"]
    weights = load_file(run.path / "weights.safetensors")
    assert all(value.isfinite().all() for value in weights.values())
    assert all(value.dtype == torch.float32 for value in weights.values() if value.is_floating_point())
