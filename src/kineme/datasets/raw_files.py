"""The files of a download, wherever they lie: in a folder, at any depth, or in zip archives nobody unpacked."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import NoReturn
from zipfile import BadZipFile, ZipFile

from kineme.errors import SourceError

_DAMAGED = "download or copy the archive again"


@dataclass(frozen=True, order=True)
class RawFile:
    """A file on disk, or a member of a zip archive.

    Args:
        path: the file, or the archive.
        member: name within the archive; "" for a file on disk.
    """

    path: Path
    member: str = ""

    @property
    def location(self) -> PurePath:
        """Path whose last part is the file's own name, and whose others are its folders."""
        return PurePosixPath(self.member) if self.member else self.path

    @property
    def name(self) -> str:
        """File name."""
        return self.location.name

    @property
    def stem(self) -> str:
        """File name without its last suffix."""
        return self.location.stem

    @property
    def suffix(self) -> str:
        """Last suffix in lower case, such as ``.txt``."""
        return self.location.suffix.lower()

    def __str__(self) -> str:
        return f"{self.path}::{self.member}" if self.member else str(self.path)

    def below(self, root: str | Path) -> str:
        """How reports call this file: its path below the folder they are about."""
        path = self.path.name if self.path == Path(root) else self.path.relative_to(root).as_posix()
        return f"{path}::{self.member}" if self.member else path

    def fingerprint(self) -> tuple[int, int]:
        """Size and time of last change of the file or archive; (0, 0) where there is none."""
        try:
            stat = self.path.stat()
        except OSError:
            return 0, 0
        return stat.st_size, stat.st_mtime_ns

    def read_bytes(self) -> bytes:
        """Whole content.

        Raises:
            SourceError: the operating system cannot read it, or the archive or this member of it is damaged.
        """
        try:
            if not self.member:
                return self.path.read_bytes()
            return _archive(self.path, self.fingerprint()).read(self.member)
        except OSError as error:
            problem = f"cannot be read ({error.strerror or error})"
            raise SourceError(self, problem, fix="check its permissions and the disk") from error
        except (BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise SourceError(self, f"damaged in its archive ({error})", fix=_DAMAGED) from error
        except (RuntimeError, NotImplementedError) as error:  # a password, or a compression Python does not know
            raise SourceError(self, f"cannot be unpacked ({error})", fix="unpack the archive first") from error


def walk(root: Path, damaged: list[SourceError] | None = None) -> Iterator[RawFile]:
    """Visible files of a folder and everything below it, of one zip archive, or one file; in order of their paths.

    Links to folders are followed, but into no folder twice; archives are looked into.

    Args:
        root: folder, archive or file.
        damaged: collects archives that cannot be read; without it they are an error.

    Raises:
        SourceError: nothing readable there, or a damaged archive.
    """
    paths = [root] if root.is_file() else _walk_folders(root)
    for path in paths:
        if path.suffix.lower() != ".zip":
            yield RawFile(path)
            continue
        try:
            yield from _members(path)
        except SourceError as error:
            if damaged is None or path == root:
                raise
            damaged.append(error)


def _walk_folders(root: Path) -> Iterator[Path]:
    visited: set[Path] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=_unreadable):
        real = Path(folder).resolve()
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _members(path: Path) -> list[RawFile]:
    try:
        names = _archive(path, RawFile(path).fingerprint()).namelist()
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise SourceError(path, problem, fix="check its permissions and the disk") from error
    except BadZipFile as error:
        raise SourceError(path, f"not a whole zip archive ({error})", fix=_DAMAGED) from error
    except NotImplementedError as error:  # a version of the format that Python does not know
        raise SourceError(path, f"cannot be unpacked ({error})", fix="unpack the archive first") from error
    if not all(PurePosixPath(name).parts for name in names):
        raise SourceError(path, "not a whole zip archive (a member has no name)", fix=_DAMAGED)
    return [RawFile(path, name) for name in sorted(names) if _is_visible_file(name)]


def _is_visible_file(name: str) -> bool:
    folders = PurePosixPath(name).parts
    return not name.endswith("/") and folders[0] != "__MACOSX" and not folders[-1].startswith(".")


@lru_cache(maxsize=4)
def _archive(path: Path, _fingerprint: tuple[int, int]) -> ZipFile:
    """Open archive, kept open: reading the list of a large one takes longer than reading a member."""
    return ZipFile(path)


def _unreadable(error: OSError) -> NoReturn:
    fix = "name the folder or .zip archive that holds the raw files, and check its permissions"
    raise SourceError(error.filename, f"not a readable folder ({error.strerror})", fix=fix) from error
