"""Base of every configuration: typed, frozen, strict, and readable when it is wrong."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from kineme.errors import ConfigError


class Config(BaseModel):
    """Immutable settings; an unknown key or a value out of bounds is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: Mapping[str, Any], where: str = "configuration") -> Self:
        """Validated configuration from plain data.

        Raises:
            ConfigError: every problem, one per line, with the dotted key and near misses of unknown keys.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(f"{where}:\n" + "\n".join(_problems(cls, error))) from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Configuration from a JSON file.

        Raises:
            ConfigError: no such file, not JSON, or not this kind of configuration.
        """
        return cls.parse(read_json(path), where=str(path))

    def with_changes(self, **changes: Any) -> Self:
        """Copy with changed fields, validated like a new one."""
        return type(self).parse({**dict(self), **changes})


def read_json(path: Path) -> dict[str, Any]:
    """Object in a JSON file.

    Raises:
        ConfigError: no such file, not JSON, or not an object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a JSON object, found {type(data).__name__}")
    return data


class NamedConfig(Config):
    """Settings of one registered thing, which ``name`` says; every subclass gives its own as the default."""

    name: str

    @field_validator("name")
    @classmethod
    def _is_own(cls, name: str) -> str:
        own = cls.model_fields["name"].default
        if name != own:
            raise ValueError(f"these are settings of {own!r}, not of {name!r}")
        return name


def _problems(config: type[BaseModel], error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        line = f"  {key or config.__name__}: {problem['msg']}"
        if problem["type"] == "extra_forbidden":
            known = _siblings(config, [str(part) for part in problem["loc"][:-1]])
            close = get_close_matches(str(problem["loc"][-1]), known, n=1)
            line = f"  {key}: unknown key" + (f"; perhaps you meant {close[0]}" if close else f"; known: {known}")
        lines.append(line)
    return lines


def _siblings(config: type[BaseModel], path: list[str]) -> list[str]:
    """Fields that are known where an unknown one was found."""
    for part in path:
        field = config.model_fields.get(part)
        if field is not None:  # a position in a tuple leads no deeper
            kinds = (field.annotation, *get_args(field.annotation))
            config = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), config)
    return sorted(config.model_fields)
