"""Authors' code, run from checkouts that the user has."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import patch


@contextlib.contextmanager
def importing(checkout: Path) -> Iterator[None]:
    """A checkout's modules can be imported while this lasts; then they are forgotten, for checkouts share names.

    What they print meanwhile is not shown.
    """
    root = str(checkout.resolve())
    before = set(sys.modules)
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        patch.object(sys, "path", [root, *sys.path]),
    ):
        yield
    theirs = [name for name in set(sys.modules) - before if _place(sys.modules[name]).startswith(root)]
    for name in theirs:
        del sys.modules[name]


def load(file: Path, name: str) -> ModuleType:
    """A file as a module of that name, which says what its relative imports are relative to."""
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _place(module: ModuleType) -> str:
    folders = list(getattr(module, "__path__", ()))
    return getattr(module, "__file__", None) or (folders[0] if folders else "")
