"""Recipes of DANet: pairs, clips and training as the specification says."""

import pytest

from kineme.encoders.danet import DANetEncoderConfig
from kineme.recipes.base import recipe_config, recipes

NAMES = [name for name in recipes.names() if name.startswith(("danet-", "danet_s-"))]
FULL = [name for name in NAMES if recipe_config(name).train.epochs == 120]


@pytest.mark.parametrize("name", NAMES)
def test_views_are_of_partners_and_show_the_same_part(name: str) -> None:
    config = recipe_config(name)
    assert (config.partner, config.share_crop, len(config.augment)) == ("other_view", True, 2)
    assert config.published == ()


@pytest.mark.parametrize("name", FULL)
def test_training(name: str) -> None:
    config, train = recipe_config(name), recipe_config(name).train
    assert (train.optimizer, train.nesterov, train.lr, train.weight_decay) == ("sgd", True, 0.1, 4e-4)
    assert (train.batch_size, train.steps, train.warmup_epochs) == (32, (60, 90), 5)
    assert config.prepare.window == 64
    assert config.prepare.bodies == (1 if "uestc" in name else 2)
    other_cameras = "view" in name or "arbitrary" in name
    assert config.augment[0].rotation == ((0.5,) * 3 if other_cameras else (0.3,) * 3)


def test_presets() -> None:
    encoders = [recipe_config(f"{preset}-ntu60-xsub").encoder for preset in ("danet", "danet_s")]
    widths = []
    for encoder in encoders:
        assert isinstance(encoder, DANetEncoderConfig)
        widths.append(encoder.widths)
    assert widths == [(64,) * 4 + (128,) * 3 + (256,) * 3, (64, 64, 128, 128, 256, 256)]
