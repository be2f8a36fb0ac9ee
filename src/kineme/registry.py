"""Names to things: the one mechanism by which methods, encoders, datasets, protocols and recipes join in."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar, cast

from kineme.errors import UnknownNameError

T = TypeVar("T")
Entry = TypeVar("Entry")


class Registry(Generic[T]):
    """A dictionary that fills itself by decoration and imports its package on the first look-up.

    Args:
        kind: what the entries are, for error messages ("method", "dataset").
        package: package whose modules register entries; every module in it is imported on the first look-up,
            so that adding a file is all it takes to add an entry.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that files the decorated class or function under ``name``."""

        def add(entry: Entry) -> Entry:
            assert name not in self._entries, f"{self.kind} {name!r} is registered twice"
            self._entries[name] = cast(Any, entry)
            return entry

        return add

    def get(self, name: str) -> T:
        """Entry called ``name``.

        Raises:
            UnknownNameError: no such entry; the message lists near misses.
        """
        self._load()
        if name not in self._entries:
            raise UnknownNameError(self.kind, name, self._entries)
        return self._entries[name]

    def items(self) -> Iterator[tuple[str, T]]:
        """All entries in alphabetical order."""
        self._load()
        return iter(sorted(self._entries.items(), key=lambda item: item[0]))

    def names(self) -> list[str]:
        """All names in alphabetical order."""
        return [name for name, _ in self.items()]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = import_module(self._package)
        for module in iter_modules(package.__path__):
            import_module(f"{self._package}.{module.name}")
