"""Clips that are arrays already: one ``.npz`` of all their frames after one another.

`kineme.importers.ragged_arrays` says which arrays the file holds.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source, SourceWarning
from kineme.datasets.raw_files import RawFile
from kineme.errors import ClipError, SourceError
from kineme.importers import importers
from kineme.importers.base import Importer
from kineme.importers.joints import match_joints
from kineme.importers.ragged_arrays import META, read_ragged
from kineme.layout import Layout
from kineme.store import ListedSplits, SkeletonStore

_SIDES = (("train",), ("test", "val"))


@importers.register("npz")
@dataclass(frozen=True)
class Npz(Importer):
    """NumPy arrays, many clips in each file.

    Clips are called by their ``name``, or else by the file and their number in it.
    """

    name = "npz"
    layout_name = ""
    suffix = ".npz"
    example = "recordings.npz"

    @property
    def keeps_empty(self) -> bool:
        """True: arrays that belong together stay together."""
        return True

    def clips(self, source: Source) -> list[Clip]:
        """All clips of a file; see `Importer.clips`."""
        store = _read(source.file, self.layout, self.fps)
        return [store[i] for i in range(len(store))]

    def own_classes(self) -> tuple[str, ...]:
        """Class names of the files.

        Raises:
            SourceError: files whose classes differ.
        """
        sources = self.find(self.path)
        classes = dict.fromkeys(store.classes for store in self._stores([source.file for source in sources]))
        if len(classes) > 1:
            one, other = list(classes)[:2]
            problem = f"files of different classes: {', '.join(one) or 'none'} and {', '.join(other) or 'none'}"
            raise SourceError(self.path, problem, fix="import them one by one, or give labels with --labels")
        return next(iter(classes), ())

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """The split called ``own`` by the table of labels, or else by the files; see `Dataset.splits`."""
        stores = self._stores([source.file for source in self.sources(files)])
        own = [store.splits["own"] for store in stores if "own" in store.splits]
        train, test = ([id for sides in own for id in sides[side]] for side in (0, 1))
        return {**({"own": (train, test)} if own else {}), **super().splits(files)}

    def _stores(self, files: Sequence[RawFile]) -> Iterator[SkeletonStore]:
        """What can be read; reading a file's clips reports what is wrong with it."""
        for file in files:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SourceWarning)
                    yield _read(file, self.layout, self.fps)
            except (SourceError, ClipError):
                continue


def load_ragged_npz(path: Path, layout: Layout | str, *, fps: float = 0.0) -> SkeletonStore:
    """Store in memory from one ``.npz`` of concatenated clips.

    Args:
        path: the file; see this module.
        layout: joint layout, or its name.
        fps: frames per second.

    Raises:
        SourceError: not such a file, or its joints are not those of the layout.
        ClipError: a clip that a store cannot hold.
    """
    if not path.exists():
        raise SourceError(path, "no such file")
    return _read(RawFile(path), Layout.get(layout) if isinstance(layout, str) else layout, fps)


def _read(file: RawFile, layout: Layout, fps: float) -> SkeletonStore:
    ragged = read_ragged(file)
    joints = slice(None) if ragged.joints is None else match_joints(ragged.joints, layout, file)
    clips, columns = ragged.cut(ragged.data, joints), ragged.columns
    confidence = None if ragged.confidence is None else ragged.cut(ragged.confidence[..., None], joints)
    return SkeletonStore.from_arrays(
        _without_empty_bodies(clips, columns["name"]),
        layout,
        labels=columns.get("label"),
        ids=columns["name"],
        classes=ragged.classes,
        fps=fps,
        provenance={"dataset": file.stem, "preparation": "import", "source": file.name},
        confidence=None if confidence is None else [clip[..., 0] for clip in confidence],
        splits=_splits(columns["name"], columns.get("split", [])),
        keep_empty=True,
        **{ours: columns[theirs] for theirs, ours in META.items() if theirs in columns},
    )


def _without_empty_bodies(clips: Sequence[np.ndarray], ids: Sequence[str]) -> list[np.ndarray]:
    """The clips; where all coordinates are zero nobody is there, which is told in a warning."""
    empty = [i for i, clip in enumerate(clips) if not np.nan_to_num(clip).any()]
    if empty:
        text = f"clips in which every coordinate is zero: {', '.join(ids[i] for i in empty)}; nobody is seen in them"
        warnings.warn(text, SourceWarning, stacklevel=2)
    return [np.full_like(clip, np.nan) if i in empty else clip for i, clip in enumerate(clips)]


def _splits(ids: Sequence[str], column: Sequence[str]) -> ListedSplits:
    sides = {side: [id for id, found in zip(ids, column, strict=False) if found in side] for side in _SIDES}
    train, test = sides.values()
    return {"own": (train, test)} if train or test else {}
