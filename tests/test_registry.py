"""The registry by which everything joins in."""

import sys
from pathlib import Path

import pytest

from kineme.errors import UnknownNameError
from kineme.registry import Registry


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[type]:
    """A package of two animals that nobody has imported."""
    package = tmp_path / "zoo_of_test_registry"
    package.mkdir()
    lines = "from zoo_of_test_registry import animals\n\n@animals.register('{0}')\nclass Animal:\n    sound = '{1}'\n"
    (package / "__init__.py").write_text(
        "from kineme.registry import Registry\nanimals = Registry('animal', 'zoo_of_test_registry')\n"
    )
    (package / "dogs.py").write_text(lines.format("dog", "woof"))
    (package / "cats.py").write_text(lines.format("cat", "meow"))
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, name)
    return __import__(package.name).animals


def test_adding_a_file_is_all_it_takes(zoo: Registry[type]) -> None:
    assert zoo.names() == ["cat", "dog"]
    assert zoo.get("dog").sound == "woof"
    assert [name for name, _ in zoo.items()] == ["cat", "dog"]


def test_get_imports_by_itself(zoo: Registry[type]) -> None:
    assert zoo.get("cat").sound == "meow"


def test_unknown_name_lists_near_misses(zoo: Registry[type]) -> None:
    with pytest.raises(UnknownNameError, match="unknown animal 'dogg'; perhaps you meant dog"):
        zoo.get("dogg")
    with pytest.raises(UnknownNameError, match="known: cat, dog"):
        zoo.get("zebra")


def test_registering_twice_is_a_mistake_in_the_code() -> None:
    registry: Registry[int] = Registry("number", "kineme.methods")
    registry.register("one")(1)
    with pytest.raises(AssertionError, match="'one' is registered twice"):
        registry.register("one")(2)
