"""Typed errors for everything a user can get wrong.

Each message says what was expected, what was found, and what to do about it. Asserts elsewhere in the
library guard invariants only; nothing a user can cause ends in an ``AssertionError`` or a bare ``IndexError``.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class KinemeError(ValueError):
    """Base of every error that kineme raises on purpose."""


class UnknownNameError(KinemeError):
    """A name that no registry, layout, class list or configuration knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        choices = sorted(known)
        close = get_close_matches(name, choices, n=3, cutoff=0.5)
        message = f"unknown {kind} {name!r}"
        message += f"; perhaps you meant {', '.join(close)}" if close else f"; known: {', '.join(choices)}"
        super().__init__(message + (f". {hint}" if hint else ""))


class ConfigError(KinemeError):
    """A configuration with unknown keys, values out of bounds, or parts that do not fit together."""


class LayoutError(KinemeError):
    """A joint layout that contradicts itself or cannot be converted as asked."""


class LayoutMismatchError(LayoutError):
    """Data in one joint layout met code that was set up for another."""


class StoreError(KinemeError):
    """A path that is not a readable skeleton store, or a store that would be overwritten."""


class DuplicateClipError(StoreError):
    """Two clips with one id."""


class ClipError(KinemeError):
    """A clip whose content cannot be stored: wrong shape, NaN, nobody in it, label out of range."""


class SourceError(KinemeError):
    """A raw file that does not follow its dataset's format; carries where the trouble is.

    Args:
        path: the raw file, or ``archive.zip::member``.
        problem: what was expected and what was found.
        line: 1-based line of a text file, where known.
        fix: what the user can do about it.
    """

    def __init__(self, path: object, problem: str, *, line: int | None = None, fix: str = "") -> None:
        self.path, self.problem, self.line, self.fix = str(path), problem, line, fix
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}" + (f" ({fix})" if fix else ""))

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild with keyword arguments, so that worker processes can send it home."""
        return _rebuild_source_error, (type(self), self.path, self.problem, self.line, self.fix)


def _rebuild_source_error(kind: type[SourceError], path: str, problem: str, line: int | None, fix: str) -> SourceError:
    return kind(path, problem, line=line, fix=fix)


class SplitError(KinemeError):
    """A split that the store cannot provide: unknown name, missing metadata, or an empty side."""


class RunError(KinemeError):
    """A run directory that is missing, damaged, or does not belong to the configuration at hand."""
