"""Configurations: strict, and readable when they are wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kineme.config import Config, NamedConfig
from kineme.errors import ConfigError
from kineme.recipes.base import RunConfig
from kineme.train.config import TrainConfig

METHOD = {"name": "mae"}
ENCODER = {"name": "skeleton_transformer"}


class Inner(Config):
    width: int = 8
    rate: float = 0.5


class Outer(Config):
    inner: Inner = Inner()
    inners: tuple[Inner, ...] = ()
    maybe: Inner | None = None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"iner": {}}, "iner: unknown key; perhaps you meant inner"),
        ({"inner": {"widht": 3}}, "inner.widht: unknown key; perhaps you meant width"),
        ({"inners": [{}, {"rte": 3}]}, "inners.1.rte: unknown key; perhaps you meant rate"),
        ({"maybe": {"widht": 3}}, "maybe.widht: unknown key; perhaps you meant width"),
        ({"inner": {"qqq": 3}}, r"inner.qqq: unknown key; known: \['rate', 'width'\]"),
        ({"inner": {"width": "wide"}}, "inner.width: .*integer"),
        ({"inner": {"rate": float("nan")}}, "inner.rate: .*finite"),
        ({"inner": 3}, "inner: "),
    ],
)
def test_problems_are_named(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Outer.parse(data)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"(?s)here:.*inner.width.*inner.rate"):
        Outer.parse({"inner": {"width": "x", "rate": "y"}}, where="here")


def test_configurations_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Inner().width = 3


def test_changes_are_validated() -> None:
    changed = Outer().with_changes(inner=Inner(width=3))
    assert (changed.inner.width, Outer().inner.width) == (3, 8)
    with pytest.raises(ConfigError, match="perhaps you meant inner"):
        Outer().with_changes(iner=Inner())
    with pytest.raises(ConfigError, match="width"):
        Inner().with_changes(width="wide")


def test_named_settings_keep_their_name() -> None:
    class Named(NamedConfig):
        name: str = "own"

    with pytest.raises(ConfigError, match="settings of 'own', not of 'other'"):
        Named.parse({"name": "other"})


def test_load(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(Outer(inner=Inner(width=3)).model_dump_json())
    assert Outer.load(file).inner.width == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not JSON"), ("[1]", "expected a JSON object, found list"), ('{"a": 1}', "unknown key")],
)
def test_load_says_which_file_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=f"config.json: ?.*\n?.*{message}"):
        Outer.load(file)


def test_load_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: cannot be read"):
        Outer.load(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"encoder": ENCODER}, "method: Field required"),
        ({"method": {"name": "mea"}, "encoder": ENCODER}, "unknown method 'mea'; perhaps you meant mae"),
        ({"method": {}, "encoder": ENCODER}, "method: .*unknown method ''; known: "),
        ({"method": {"name": 3}, "encoder": ENCODER}, "method: .*unknown method '3'"),
        ({"method": 3, "encoder": ENCODER}, "method: "),
        ({"method": METHOD, "encoder": {"name": "mlp"}}, "unknown encoder 'mlp'"),
        ({"method": {**METHOD, "mask_ratoi": 0.5}, "encoder": ENCODER}, "mask_ratoi: unknown key.*meant mask_ratio"),
        ({"method": {**METHOD, "mask_ratio": 1.0}, "encoder": ENCODER}, "mask_ratio: .*less than 1"),
        ({"method": METHOD, "encoder": {**ENCODER, "width": 0}}, "width: .*greater than or equal to 1"),
        ({"method": METHOD, "encoder": ENCODER, "train": {"epoch": 3}}, "train.epoch: .*meant epochs"),
        ({"method": METHOD, "encoder": ENCODER, "augment": [{"miror": 1}]}, "augment.0.miror: .*meant mirror"),
    ],
)
def test_run_configuration(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.parse(data)


@pytest.mark.parametrize("field", ["epochs", "batch_size", "accumulate", "checkpoint_epochs", "log_steps"])
def test_counts_are_at_least_one(field: str) -> None:
    with pytest.raises(ConfigError, match=f"{field}: .*greater than or equal to 1"):
        TrainConfig.parse({field: 0})


@pytest.mark.parametrize(
    "settings", [{"lr": -1}, {"ema": 1.0}, {"ema": 0}, {"clip_norm": 0}, {"precision": "16"}, {"seed": -1}]
)
def test_training_bounds(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        TrainConfig.parse(settings)


def test_settings_that_json_cannot_hold_are_refused() -> None:
    """What run.json records must be readable again, and JSON knows no infinity."""
    with pytest.raises(ConfigError, match="finite"):
        TrainConfig.parse({"lr": float("inf")})
    assert TrainConfig.parse(json.loads(TrainConfig().model_dump_json())) == TrainConfig()
