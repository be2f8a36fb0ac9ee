"""In what a run differs from the recipe that it started from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kineme.recipes.base import RunConfig, recipe_config, recipes

_ABSENT = "-"


@dataclass(frozen=True)
class Change:
    """One setting, with its value in the recipe and in the run; a dash where one of them does not have it."""

    setting: str
    recipe: str
    run: str


def recipe_changes(config: RunConfig) -> list[Change] | None:
    """Settings that are not the recipe's, by their dotted names; None where its recipe is not one of kineme's."""
    if config.recipe not in recipes.names():
        return None
    theirs, ours = (dict(_leaves(each.model_dump(mode="json"))) for each in (recipe_config(config.recipe), config))
    names = [name for name in {**theirs, **ours} if not name.startswith("published.")]
    values = ((name, theirs.get(name, _ABSENT), ours.get(name, _ABSENT)) for name in names)
    return [Change(name, before, now) for name, before, now in values if before != now]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names of all settings; lists of numbers are one setting."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        items = enumerate(value)
    else:
        yield name, "none" if value is None else str(value)
        return
    for key, each in items:
        yield from _leaves(each, f"{name}.{key}" if name else str(key))
