"""What an exporter is, and what all need: targets that are whole or absent, clips one by one, arrays by rows."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from kineme.clips import Clip
from kineme.errors import ClipError, SplitError, StoreError
from kineme.splits import get_split
from kineme.store import SkeletonStore

Progress = Callable[[int, int], None]
"""Called before each clip is written, with its number from 1 and the number of all."""

BODIES = 2  # body slots of every array in these formats


class Exporter(Protocol):
    """A function that writes clips in the format of another code base."""

    def __call__(self, store: SkeletonStore, split: str, out: Path, progress: Progress | None = None) -> list[Path]:
        """Write both sides of a split.

        Args:
            store: the clips; all that are written need labels.
            split: name of a split; see `kineme.splits.get_split`.
            out: file or folder to create, whichever the format asks for; must not exist.
            progress: see `Progress`.

        Returns:
            The files written.

        Raises:
            StoreError: ``out`` exists or cannot be written.
            ClipError: a clip has no label, or the format cannot hold it.
            LayoutMismatchError: the format is made for other joints.
            UnknownNameError: no such split.
            SplitError: a split that the store cannot provide.
        """
        ...


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A path to write a file or folder to, which moves to ``out`` if the block ends well and is removed if not.

    Raises:
        StoreError: ``out`` exists or cannot be written.
    """
    partial = out.with_name(out.name + ".writing")
    try:
        if out.exists():
            raise StoreError(f"{out} exists; choose another --out, or remove it first")
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        yield partial
        partial.rename(out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written ({error.strerror or error}); choose another --out") from error
    finally:
        with suppress(OSError):
            _remove(partial)


def labelled_split(store: SkeletonStore, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions as `kineme.splits.get_split` gives them, of clips that all have labels.

    Raises:
        SplitError: no split is named, or the store cannot provide it.
        ClipError: a clip has no label.
    """
    if not split:
        own = f", or one of the store's own: {', '.join(store.splits)}" if store.splits else ""
        raise SplitError(f"this format divides clips into training and test: name a split, such as ntu60-xsub{own}")
    train, test = get_split(store, split)
    require_labels(store, np.concatenate([train, test]))
    return train, test


def require_labels(store: SkeletonStore, index: np.ndarray) -> None:
    """Refuse clips without label, for which these formats have no sign.

    Raises:
        ClipError: names the first of them.
    """
    unlabelled = index[store.labels[index] < 0]
    if len(unlabelled):
        raise ClipError(
            f"clip {store.ids[unlabelled[0]]} has no label, and this format needs one for every clip "
            f"({len(unlabelled)} of {len(index)} have none); label them, or leave them out of the store"
        )


def clips_at(store: SkeletonStore, index: Sequence[int] | np.ndarray, progress: Progress | None) -> Iterator[Clip]:
    """The clips at some positions, one at a time."""
    for number, i in enumerate(index, start=1):
        if progress is not None:
            progress(number, len(index))
        yield store[int(i)]


def write_npy(file: IO[bytes], dtype: str, shape: tuple[int, ...], rows: Iterable[np.ndarray]) -> None:
    """Write an array of which only one row at a time is in memory, byte for byte as ``np.save`` does."""
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    for row in rows:
        file.write(np.ascontiguousarray(row, dtype).tobytes())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
