"""What a dataset is to the rest of the library: it finds its raw files and reads one of them at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from kineme.clips import Clip
from kineme.datasets.raw_files import RawFile, walk
from kineme.errors import SourceError, UnknownNameError
from kineme.layout import Layout
from kineme.store import ListedSplits

_HERE = Path(__file__).parent


class SourceWarning(UserWarning):
    """Something odd in a raw file that reading repaired; preparation collects these as notes of its report."""


@dataclass(frozen=True, order=True)
class Source:
    """Where the raw data of one recording lies.

    Args:
        id: name of the recording; sources sort by it. A recording of one clip gives that its id; those of several
            clips are this and a suffix.
        files: the raw file, and after it those that belong to it (labels).
    """

    id: str
    files: tuple[RawFile, ...]

    @property
    def file(self) -> RawFile:
        """The raw file itself."""
        return self.files[0]


@dataclass(frozen=True)
class Survey:
    """What there is in a download.

    Args:
        sources: recordings, sorted by id.
        splits: splits that come with it, by ids of recordings or clips.
        missing: ids that are known to be unusable.
    """

    sources: list[Source]
    splits: ListedSplits
    missing: frozenset[str]


@dataclass(frozen=True)
class Dataset(ABC):
    """A dataset as its authors distribute it. Subclasses say what its files are called and read one.

    Args:
        preparation: how clips are made from the raw data, one of `preparations`.

    Attributes:
        name: name in the registry; also of ``classes/<name>.txt``, one class name per line.
        layout_name: built-in layout of the joints.
        suffix: ending by which the raw files are told from others.
        example: a raw file, for error messages; below its folders where these say what it holds.
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
        """Ids of recordings that the authors list as missing or unusable."""
        return frozenset()

    @property
    def channels(self) -> int:
        """C, coordinates per joint."""
        return 3

    @property
    def has_confidence(self) -> bool:
        """Whether clips carry confidences."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """What decides how clips are made, as JSON: part of a store's provenance."""
        return asdict(self)

    @property
    def keeps_empty(self) -> bool:
        """Whether clips in which nobody is seen are kept, for the sake of comparison with the field's own arrays."""
        return False

    def find(self, root: str | Path, damaged: list[SourceError] | None = None) -> list[Source]:
        """Recordings in a folder and everything below it, or in a zip archive, sorted by id.

        Args:
            root: folder or archive.
            damaged: collects archives that cannot be read; without it they are an error.

        Raises:
            SourceError: the folder does not exist or cannot be read, or holds no file of this dataset.
        """
        return self.survey(root, damaged).sources

    def survey(self, root: str | Path, damaged: list[SourceError] | None = None) -> Survey:
        """Recordings as `find` gives them, and what else the download says about them."""
        files = list(walk(Path(root), damaged))
        sources = sorted(self.sources(files))
        if not sources:
            others = ", ".join(file.name for file in files[:3])
            found = f"{len(files)} other files, such as {others}" if files else "no files at all"
            raise SourceError(
                root,
                f"no {self.suffix} file of {self.name} here or in any folder below, found {found}",
                fix=f"name the folder that holds them, or a zip archive of it; files are called like {self.example}",
            )
        return Survey(sources, self.splits(files), self.missing(files))

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Recordings among the files of a download: by default every file with the dataset's suffix is one."""
        return [Source(file.stem, (file,)) for file in files if file.suffix == self.suffix]

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """Splits that come as files with the download, by ids of recordings or clips.

        Raises:
            SourceError: a split file that does not follow its format.
        """
        return {}

    def missing(self, files: Sequence[RawFile]) -> frozenset[str]:
        """Ids of recordings that are not used: by default those that the authors list."""
        return self.listed_missing

    @abstractmethod
    def read(self, source: Source) -> list[Clip]:
        """The clips of one recording; the first of several has the least id.

        Raises:
            SourceError: the file does not follow the dataset's format.
        """


def read_list(name: str) -> list[str]:
    """Lines of a data file that comes with this package."""
    return (_HERE / name).read_text(encoding="utf-8").splitlines()
