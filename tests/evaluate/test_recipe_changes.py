"""Changes against a recipe, by the dotted names of settings."""

from kineme.evaluate.recipe_changes import Change, recipe_changes
from kineme.recipes.base import recipe_config


def test_only_what_differs_is_named() -> None:
    plain = recipe_config("mae-compact")
    assert recipe_changes(plain) == []
    augment = tuple(each.with_changes(mirror=0.25) for each in plain.augment)
    other = plain.with_changes(train=plain.train.with_changes(epochs=7), augment=augment, published=())
    assert recipe_changes(other) == [
        Change("augment.0.mirror", str(plain.augment[0].mirror), "0.25"),
        Change("train.epochs", str(plain.train.epochs), "7"),
    ]


def test_a_setting_that_one_side_lacks() -> None:
    plain = recipe_config("mae-compact")
    changes = recipe_changes(plain.with_changes(augment=plain.augment * 2))
    assert changes
    assert {change.recipe for change in changes} == {"-"}


def test_foreign_recipes_are_not_compared() -> None:
    assert recipe_changes(recipe_config("mae-compact").with_changes(recipe="of a later version")) is None
