"""Supervised recipes: the encoders, sizes and clips of what they are compared with."""

import pytest

from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import recipe_config
from kineme.recipes.small import SMALL_DATA
from kineme.recipes.supervised import SOURCES


@pytest.mark.parametrize("data", ["compact", *(data.name for data in SMALL_DATA)])
@pytest.mark.parametrize("encoder", SOURCES)
def test_compact_recipes_have_what_they_are_compared_with(encoder: str, data: str) -> None:
    config, other = (recipe_config(f"{name}-{data}") for name in (f"supervised-{encoder}", SOURCES[encoder]))
    assert isinstance(config.method, SupervisedConfig)
    assert config.encoder.name == encoder
    sizes, theirs = (each.encoder.model_dump(exclude={"drop_path"}) for each in (config, other))
    assert sizes == theirs
    assert (config.prepare, config.split) == (other.prepare, other.split)
    assert config.augment == (other.mildest,)
    assert config.start.weights is None
    assert config.train.layer_decay == 1


@pytest.mark.parametrize(("split", "accuracy"), [("ntu60-xsub", 81.6), ("ntu60-xview", 88.8)])
def test_stgcn_as_published(split: str, accuracy: float) -> None:
    config = recipe_config(f"supervised-stgcn-{split}")
    train, method = config.train, config.method
    assert isinstance(method, SupervisedConfig)
    assert (method.head, method.label_smoothing) == ("plain", 0)
    assert config.encoder.model_dump()["hidden_channels"] == 64
    assert (config.prepare.window, config.prepare.bodies, config.split) == (300, 2, split)
    assert (train.optimizer, train.lr, train.nesterov, train.weight_decay) == ("sgd", 0.1, True, 1e-4)
    assert (train.epochs, train.batch_size, train.schedule, train.steps) == (80, 64, "steps", (10, 50))
    assert [number.value for number in config.published] == [accuracy]
