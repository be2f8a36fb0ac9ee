"""Florence 3D Actions: one text file of the Kinect v1, a line ``video actor class`` and 15 x 3 mm per frame."""

import warnings
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_HEAD = {"video": 215, "actor": 10, "class": 9}  # first columns, each counted from 1
_MM_PER_METRE = 1000.0
_FOREIGN = "this is not Florence_dataset_WorldCoordinates.txt, or damaged: remove it, or unpack it again"


@datasets.register("florence3d")
class Florence3D(Dataset):
    """Florence 3D Actions: 215 single-body recordings of 9 actions by 10 subjects.

    All clips come from one file, which carries no frame rate. See ``docs/datasets/florence3d.md``.

    Source: Seidenari et al., "Recognizing Actions from Depth Cameras as Weakly Aligned Multi-Part Bag-of-Poses",
    CVPR Workshops 2013.
    """

    name = "florence3d"
    layout_name = "florence15"
    suffix = ".txt"
    example = "Florence_dataset_WorldCoordinates.txt"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """The file, whatever it is called, told by its columns; two of one content are copies."""
        return [Source(self.name, (file,)) for file in files if file.suffix == self.suffix and self._is_ours(file)]

    def _is_ours(self, file: RawFile) -> bool:
        if file.name == self.example:
            return True
        try:
            first = file.read_bytes().partition(b"\n")[0]
        except SourceError:
            return True  # perhaps: reading it says what is wrong
        return len(first.replace(b",", b" ").split()) == self._columns

    @property
    def _columns(self) -> int:
        return len(_HEAD) + 3 * self.layout.num_joints

    def read(self, source: Source) -> list[Clip]:
        """The clips of the file, called by their video; see `Dataset.read`."""
        rows = read_rows(source.file, self._columns)
        starts = _starts(source.file, rows[:, : len(_HEAD)])
        if len(starts) < _HEAD["video"]:
            text = f"{len(starts)} of {_HEAD['video']} videos: the file may have been cut"
            warnings.warn(text, SourceWarning, stacklevel=2)
        return [self._clip(video) for video in np.split(rows, starts[1:])]

    def _clip(self, rows: np.ndarray) -> Clip:
        number, actor, action = (int(value) for value in rows[0, : len(_HEAD)])
        xyz = (rows[:, len(_HEAD) :] / _MM_PER_METRE).astype(np.float32).reshape(1, len(rows), -1, 3)
        return Clip(
            id=f"v{number:03d}",
            xyz=xyz,
            present=np.any(xyz, axis=(2, 3)),
            label=action - 1,
            subject=actor,
        )


def _starts(file: RawFile, head: np.ndarray) -> np.ndarray:
    """First row of each video, given (R, 3) videos, actors and classes."""
    known = (head % 1 == 0) & (head >= 1) & (head <= list(_HEAD.values()))
    if not known.all():
        row, column = (int(i) for i in np.argwhere(~known)[0])
        what, last = list(_HEAD.items())[column]
        problem = f"expected {what} as a whole number from 1 to {last}, found {head[row, column]:g}"
        raise SourceError(file, problem, line=row + 1, fix=_FOREIGN)
    starts = np.flatnonzero(np.diff(head, axis=0, prepend=0).any(axis=1))
    falls = np.diff(head[starts, 0], prepend=0) <= 0
    if falls.any():
        row = int(starts[falls.argmax()])
        video, actor, action = head[row]
        problem = f"video {video:g} goes on as actor {actor:g}, class {action:g}; videos must ascend, each of one class"
        raise SourceError(file, problem, line=row + 1, fix=_FOREIGN)
    return starts
