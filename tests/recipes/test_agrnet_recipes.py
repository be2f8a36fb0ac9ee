"""Recipes of AgRNet: the schedule in steps, and what sets the driver's apart."""

import pytest

from kineme.encoders.agrnet import AgRNetEncoderConfig
from kineme.methods.agrnet import AgRNetConfig
from kineme.recipes.base import recipe_config
from kineme.splits import SPLITS
from kineme.train.optim import learning_rate


@pytest.mark.parametrize(
    ("name", "clips"),
    [("ntu60-xsub", 40_091), ("ntu60-xview", 37_646), ("ntu120-xsub", 63_026), ("ntu120-xset", 54_468)],
)
def test_fifteen_thousand_steps_that_become_smaller(name: str, clips: int) -> None:
    train = recipe_config(f"agrnet-{name}").train
    epoch_steps = clips // train.batch_size
    assert 15_000 <= train.epochs * epoch_steps < 15_000 + epoch_steps
    for step, decays in ((0, 0), (999, 0), (1000, 1), (14_999, 14)):
        assert learning_rate(train, step / epoch_steps) == pytest.approx(1e-4 * 0.95**decays)


def test_the_driver() -> None:
    config = recipe_config("agrnet-reference-ntu120-xsub")
    assert isinstance(config.method, AgRNetConfig)
    assert isinstance(config.encoder, AgRNetEncoderConfig)
    assert (config.method.mode, config.encoder.share_streams) == ("reference", True)
    assert (config.prepare.scale, config.prepare.resize, config.prepare.window) == ("minmax", "stride", 50)
    epoch_steps = 63_026 // config.train.batch_size
    for step, decays in ((3, 0), (4, 1), (99, 24), (100, 25)):
        assert learning_rate(config.train, step / epoch_steps) == pytest.approx(1e-4 * 0.95**decays)
    assert config.knn.default == 1


def test_every_cell_of_uwa3d() -> None:
    cells = [name for name in SPLITS if name.startswith("uwa3d-")]
    assert len(cells) == 12
    assert all(recipe_config(f"agrnet-{cell}").split == cell for cell in cells)


def test_nothing_is_quoted() -> None:
    assert not recipe_config("agrnet-ntu60-xsub").published
