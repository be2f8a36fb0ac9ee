"""What the importers share: a layout that the user names, labels from a table, and clips from any file format."""

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from kineme.clips import Clip
from kineme.datasets.base import Dataset, Source, SourceWarning, Survey
from kineme.datasets.raw_files import RawFile
from kineme.errors import ClipError, ConfigError, LayoutError, SourceError
from kineme.importers.labels import LabelTable
from kineme.importers.sizes import warn_of_size
from kineme.layout import Layout
from kineme.store import ListedSplits


@dataclass(frozen=True)
class Importer(Dataset):
    """Recordings in a format that many tools write. Subclasses find and read one format.

    Args:
        path: folder, zip archive or file to import.
        joints: layout of the joints, built in or the path of a ``.toml``; "" for the format's own.
        labels: CSV file with labels and other facts about the recordings; see `kineme.importers.labels`.
        fps: frames per second; 0 for what the files say.

    Attributes:
        name: name of the format in the registry.
        layout_name: layout that the format fixes; "" where it does not.
        named_by_file: whether recordings are called like their files, not by names within them.

    Raises:
        ConfigError: an option out of its bounds.
    """

    path: Path = Path()
    joints: str = ""
    labels: Path | None = None
    fps: float = 0.0

    named_by_file: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_option("fps", self.fps, 0 <= self.fps < 1e5, "frames per second, or 0 for what the files say")

    @cached_property
    def layout(self) -> Layout:
        """Layout of every clip.

        Raises:
            LayoutError: the format does not fix one and none was given.
        """
        name = self.joints or self.layout_name
        if not name:
            raise LayoutError(
                f"{self.name} files can hold any joints: name theirs with --layout, built in (kineme layouts lists "
                f"them) or the path of your own .toml (docs/layouts.md)"
            )
        return Layout.get(name)

    def survey(self, root: str | Path, damaged: list[SourceError] | None = None) -> Survey:
        """Recordings but the table of labels; those of one name in several folders are called by their path."""
        found = super().survey(root, damaged)
        if self.labels:
            table = self.labels.resolve()
            found = replace(found, sources=[each for each in found.sources if each.file.path.resolve() != table])
        folders: dict[str, set[PurePosixPath]] = {}
        for source in found.sources:
            folders.setdefault(source.id, set()).add(_folder(source, root))
        named = [
            replace(source, id=(_folder(source, root) / source.id).as_posix())
            if self.named_by_file and len(folders[source.id]) > 1
            else source
            for source in found.sources
        ]
        return replace(found, sources=sorted(named))

    @cached_property
    def table(self) -> LabelTable:
        """What is known about the recordings from beside their files."""
        return LabelTable.read(self.labels) if self.labels else LabelTable()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names of the table of labels; without one, those of the format."""
        return self.table.classes or self.own_classes()

    def own_classes(self) -> tuple[str, ...]:
        """Class names that the files themselves carry."""
        return ()

    @property
    def channels(self) -> int:
        """C, coordinates per joint, as the first recording that can be read has them."""
        return self._first.xyz.shape[3]

    @property
    def has_confidence(self) -> bool:
        """Whether clips carry confidences, as the first recording that can be read tells."""
        return self._first.confidence is not None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides how clips are made, with a checksum of the table of labels; see `Dataset.settings`."""
        table = {"labels": self.labels.name, "labels_crc32": self.table.checksum} if self.labels else {}
        own = {option.name: getattr(self, option.name) for option in fields(self)[len(fields(Importer)) :]}
        return {"preparation": "import", **table, "fps": self.fps, **own}

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """Split of the table of labels; see `Dataset.splits`."""
        return self.table.splits

    def read(self, source: Source) -> list[Clip]:
        """The clips of one recording with their labels; see `Dataset.read`."""
        clips = self.clips(source)
        warn_of_size(clips, self.layout)
        return [self.table.complete(clip, source.id) for clip in clips]

    @abstractmethod
    def clips(self, source: Source) -> list[Clip]:
        """The clips of one recording, with labels only where its file has them.

        Raises:
            SourceError: the file does not follow the format, or has other joints than the layout.
        """

    @cached_property
    def _first(self) -> Clip:
        failure: SourceError | ClipError | None = None
        for source in self.find(self.path):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SourceWarning)  # comes again when all of them are read
                    if clips := self.clips(source):
                        return clips[0]
            except (SourceError, ClipError) as error:
                failure = failure or error
        raise failure or SourceError(self.path, f"no clip in any {self.suffix} file")


def _folder(source: Source, root: str | Path) -> PurePosixPath:
    """Folder of a recording below the imported one, in an archive that of the archive."""
    return PurePosixPath(source.file.below(root).rpartition("::")[2]).parent


def require_option(name: str, value: object, is_fine: bool, expected: str) -> None:
    """Check an option of an importer.

    Raises:
        ConfigError: it is not what is expected.
    """
    if not is_fine:
        raise ConfigError(f"--{name} {value}: expected {expected}")
