"""Every registered recipe: complete, replayable, and able to train."""

from dataclasses import replace

import pytest
import torch

from kineme.errors import ConfigError, UnknownNameError
from kineme.layout import Layout
from kineme.methods import Progress, StepInput, methods
from kineme.recipes.base import RunConfig, fine_tuning, recipe_config, recipes
from kineme.splits import SPLITS
from kineme.train.build import build_method
from kineme.transforms.pipeline import train_pipeline
from ragged import ragged_store
from small import small_run


@pytest.mark.parametrize("name", recipes.names())
def test_run_json_replays_a_recipe(name: str) -> None:
    config = recipe_config(name)
    assert config.recipe == name
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", recipes.names())
def test_split_exists(name: str) -> None:
    split = recipe_config(name).split
    assert split is None or split in SPLITS


@pytest.mark.parametrize("name", recipes.names())
def test_sources_are_told(name: str) -> None:
    config = recipe_config(name)
    assert (recipes.get(name).__doc__ or "").strip(), "a recipe says what it reproduces"
    assert all(number.source and 0 < number.value < 100 for number in config.published)


@pytest.mark.parametrize("name", recipes.names())
def test_small_version_takes_a_step(name: str) -> None:
    config = small_run(recipe_config(name))
    method = build_method(config, Layout.get("kinect25"), 3)
    clips = replace(ragged_store(0, [(1, 30), (2, 9)], "kinect25").gather([0, 1]), label=torch.tensor([0, 1]))
    generator = torch.Generator().manual_seed(0)
    views = [train_pipeline(config.prepare, augment)(clips, generator) for augment in config.augment]
    assert method(StepInput(views, generator, Progress(0, 0.0, 1))).loss.isfinite()


def test_every_method_has_a_recipe() -> None:
    assert {recipe_config(name).method.name for name in recipes.names()} == set(methods.names())


def test_unknown_recipe() -> None:
    with pytest.raises(UnknownNameError, match="unknown recipe 'mamp-ntu60'; perhaps you meant mamp-ntu60-x"):
        recipe_config("mamp-ntu60")


def test_recipes_that_start_from_others_name_their_folder() -> None:
    started = {name: recipe_config(name).start.weights for name in recipes.names()}
    sources = {name: weights.removeprefix("runs/") for name, weights in started.items() if weights is not None}
    assert sources["stjd_mp-ntu60-xsub"] == "mamp-ntu60-xsub"
    assert sources["mamp-pku1-xsub-to-pku2-xsub"] == "mamp-pku1-xsub"
    for name, source in sources.items():
        ours, theirs = (recipe_config(each).encoder.model_dump(exclude={"drop_path"}) for each in (name, source))
        assert ours == theirs


def test_fine_tuning_keeps_what_the_encoder_reads() -> None:
    config = recipe_config("hacm-ntu120-xsub")
    tuned = fine_tuning(config, "runs/mine")
    assert tuned.prepare == config.prepare
    assert tuned.method.name == "supervised"
    assert tuned.encoder.model_dump() == {**config.encoder.model_dump(), "drop_path": 0.3}
    assert (tuned.train.lr, tuned.train.layer_decay, tuned.train.epochs) == (3e-4, 0.8, 100)
    assert (tuned.start.weights, tuned.start.scope) == ("runs/mine", "encoder")


@pytest.mark.parametrize(("recipe", "stream"), [("crosclr-ntu60-xsub", "bone"), ("actclr-ntu60-xsub", "motion")])
def test_streams_that_a_method_cannot_learn_from(recipe: str, stream: str) -> None:
    config = small_run(recipe_config(recipe))
    with pytest.raises(ConfigError, match=f"prepare.stream.* {stream}"):
        build_method(config.with_changes(prepare=config.prepare.with_changes(stream=stream)), Layout.get("kinect25"), 3)
