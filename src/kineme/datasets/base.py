"""What a dataset is to the rest of the library: it finds its raw files and reads one of them at a time."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NoReturn

from kineme.clips import Clip
from kineme.errors import SourceError, UnknownNameError
from kineme.layout import Layout

_HERE = Path(__file__).parent


class SourceWarning(UserWarning):
    """Something odd in a raw file that reading repaired; preparation collects these as notes of its report."""


@dataclass(frozen=True, order=True)
class Source:
    """Where the raw data of one clip lies.

    Args:
        id: id of the clip; sources sort by it.
        path: the raw file.
    """

    id: str
    path: Path

    def read_bytes(self) -> bytes:
        """Whole content of the raw file.

        Raises:
            SourceError: the operating system cannot read it.
        """
        try:
            return self.path.read_bytes()
        except OSError as error:
            problem = f"cannot be read ({error.strerror or error})"
            raise SourceError(self.path, problem, fix="check its permissions and the disk") from error


@dataclass(frozen=True)
class Dataset(ABC):
    """A dataset as its authors distribute it. Subclasses say what its files are called and read one.

    Args:
        preparation: how clips are made from the raw data, one of `preparations`.

    Attributes:
        name: name in the registry; also of ``classes/<name>.txt``, one class name per line.
        layout_name: built-in layout of the joints.
        suffix: ending by which the raw files are told from others.
        example: name of a raw file, for error messages.
        preparations: what ``preparation`` may be.

    Raises:
        UnknownNameError: a preparation that this dataset does not offer.
    """

    preparation: str = "default"

    name: ClassVar[str]
    layout_name: ClassVar[str]
    suffix: ClassVar[str]
    example: ClassVar[str]
    preparations: ClassVar[tuple[str, ...]] = ("default",)

    def __post_init__(self) -> None:
        if self.preparation not in self.preparations:
            raise UnknownNameError(f"preparation of {self.name}", self.preparation, self.preparations)

    @cached_property
    def layout(self) -> Layout:
        """Joint layout of every clip."""
        return Layout.get(self.layout_name)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names; label k means ``classes[k]``."""
        return tuple(read_list(f"classes/{self.name}.txt"))

    @cached_property
    def listed_missing(self) -> frozenset[str]:
        """Ids that the authors list as missing or unusable; preparation skips them and says so."""
        return frozenset()

    def find(self, root: str | Path) -> list[Source]:
        """Raw files in a folder and everything below it, sorted by clip id.

        Raises:
            SourceError: the folder does not exist or cannot be read, or holds no file of this dataset.
        """
        root = Path(root)
        files = list(_walk(root))
        sources = sorted(Source(path.stem, path) for path in files if path.suffix == self.suffix)
        if not sources:
            others = ", ".join(path.name for path in files[:3])
            found = f"{len(files)} other files, such as {others}" if files else "no files at all"
            raise SourceError(
                root,
                f"no {self.suffix} file here or in any folder below, found {found}",
                fix=f"unpack the {self.name} download and name its folder; files are called like {self.example}",
            )
        return sources

    @abstractmethod
    def read(self, source: Source) -> Clip:
        """One clip, with the source's id, from its raw file.

        Raises:
            SourceError: the file does not follow the dataset's format.
        """


def read_list(name: str) -> list[str]:
    """Lines of a data file that comes with this package."""
    return (_HERE / name).read_text(encoding="utf-8").splitlines()


def _walk(root: Path) -> Iterator[Path]:
    """Visible files below ``root``, through links to folders but into no folder twice."""
    visited: set[Path] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=_unreadable):
        real = Path(folder).resolve()
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _unreadable(error: OSError) -> NoReturn:
    fix = "name the folder that holds the raw files, and check its permissions"
    raise SourceError(error.filename, f"not a readable folder ({error.strerror})", fix=fix) from error
