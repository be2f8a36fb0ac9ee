"""Learning rates of the contrastive family against the authors' code."""

from pathlib import Path

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from kineme.recipes.base import fine_tuning, recipe_config
from kineme.train.config import TrainConfig
from kineme.train.optim import learning_rate

CASES = golden_cases("contrastive/11_knn_schedules*.npz")


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("out/lr_pretrain_step250", (250,)),
        ("out/lr_linear_step80", (80,)),
        ("out/lr_finetune_step10_50", (9, 49)),  # there the tenth epoch is slower already
    ],
)
@pytest.mark.parametrize("path", CASES)
def test_rates_fall_after_epochs(path: Path, key: str, steps: tuple[float, ...]) -> None:
    expected = load_npz(path)[key]
    config = TrainConfig(schedule="steps", steps=steps, warmup_epochs=0, lr=float(expected[0]), epochs=len(expected))
    for done in (0.0, 0.99):
        ours = [learning_rate(config, epoch + done) for epoch in range(len(expected))]
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("path", CASES)
def test_recipes_fine_tune_at_these_rates(path: Path) -> None:
    expected = load_npz(path)["out/lr_finetune_step10_50"]
    config = fine_tuning(recipe_config("actclr-ntu60-xview"), "runs/mine").train
    assert config.epochs == len(expected)
    np.testing.assert_allclose([learning_rate(config, epoch) for epoch in range(config.epochs)], expected, rtol=1e-9)
