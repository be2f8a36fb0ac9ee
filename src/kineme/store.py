"""SkeletonStore: every clip of a dataset in one memory-mapped array, ragged, raw, in metres.

On disk a store is a folder: ``xyz.npy`` (R, V, C) float32, ``present.npy`` (R,) bool, ``clips.npy`` (one
record per clip) and ``store.json`` (layout, classes, provenance, format version). A clip is a run of
M x T consecutive rows, body after body. Opening reads the json alone; everything else is mapped on demand.

Where there is something to put into them: ``confidence.npy`` (R, V) float32, ``segments.npy`` (S, 4) int64 (clip,
label, start, end) and ``splits.json``, the splits that came with the data.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from kineme.clips import Clip, RaggedClips
from kineme.errors import ClipError, LayoutError, LayoutMismatchError, StoreError
from kineme.layout import Layout

FORMAT = "kineme-store"
VERSION = 1
_KEYS = {"num_clips", "layout", "classes", "provenance"}
ListedSplits = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Name of a split to the ids that train and the ids that test."""
META_FIELDS = ("subject", "camera", "setup", "replication")


def clip_dtype(id_width: int) -> np.dtype:
    """Record type of the clip table for ids of at most ``id_width`` characters."""
    meta = [(name, "<i4") for name in ("label", *META_FIELDS)]
    extent = [("start", "<i8"), ("length", "<i4"), ("bodies", "<i2"), ("fps", "<f4")]
    return np.dtype([("id", f"<U{max(id_width, 1)}"), *extent, *meta])


class SkeletonStore:
    """Read-only access to clips, by position. Build one with `StoreWriter`, `from_arrays` or `open`.

    Attributes:
        layout: joint layout of every clip.
        classes: class names; label k means ``classes[k]``. Empty where clips carry no labels.
        clips: structured array, one record per clip (id, start, length, bodies, fps, label, subject, ...).
        provenance: where the clips come from and how they were prepared.
        splits: splits that came with the data, by clip ids.
        path: folder on disk, or None for a store in memory.
    """

    def __init__(
        self,
        xyz: np.ndarray | Tensor,
        present: np.ndarray | Tensor,
        clips: np.ndarray,
        *,
        layout: Layout,
        classes: Sequence[str] = (),
        provenance: Mapping[str, Any] | None = None,
        confidence: np.ndarray | None = None,
        segments: np.ndarray | None = None,
        splits: ListedSplits | None = None,
        path: Path | None = None,
    ) -> None:
        self.layout, self.classes, self.clips, self.path = layout, tuple(classes), clips, path
        self.provenance = dict(provenance or {})
        self._xyz, self._present = torch.as_tensor(xyz), torch.as_tensor(present)
        self._confidence, self._segments = confidence, segments
        self._splits = splits
        self._columns: dict[str, Tensor] = {}

    @classmethod
    def open(cls, path: str | Path) -> "SkeletonStore":
        """Map the store at ``path`` without reading its coordinates.

        Raises:
            StoreError: nothing there, not a store, another format version, or damaged files.
        """
        path = Path(path)
        meta = _read_meta(path)
        try:
            # Copy-on-write: torch needs writable memory, and the file can still never change.
            xyz, present, clips = (_map(path, name) for name in ("xyz", "present", "clips"))
            confidence, segments = (
                _map(path, name) if (path / f"{name}.npy").exists() else None for name in ("confidence", "segments")
            )
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: damaged store ({error}); prepare it again") from error
        layout = Layout.from_dict(meta["layout"])
        if len(clips) != meta["num_clips"] or xyz.shape[:2] != (len(present), layout.num_joints):
            raise StoreError(
                f"{path}: store.json promises {meta['num_clips']} clips of {layout.num_joints} joints, the arrays "
                f"hold {len(clips)} clips, rows {xyz.shape} and {len(present)} presence flags; prepare it again"
            )
        return cls(
            xyz,
            present,
            clips,
            layout=layout,
            classes=meta["classes"],
            provenance=meta["provenance"],
            confidence=confidence,
            segments=segments,
            path=path,
        )

    @classmethod
    def from_arrays(
        cls,
        arrays: Sequence[np.ndarray],
        layout: Layout | str,
        *,
        labels: Sequence[int | str] | None = None,
        ids: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        fps: float = 0.0,
        provenance: Mapping[str, Any] | None = None,
        confidence: Sequence[np.ndarray] | None = None,
        splits: ListedSplits | None = None,
        keep_empty: bool = False,
        **meta: Sequence[int],
    ) -> "SkeletonStore":
        """Store in memory from one array per clip.

        Args:
            arrays: each (T, V, C) for one body or (M, T, V, C); a body-frame that is all NaN is absent.
            layout: layout of the joints, or the name of a built-in one.
            labels: class indices or class names per clip.
            ids: unique clip names; "clip00000", ... by default.
            classes: class names; taken from ``labels`` where those are names.
            fps: frames per second of every clip.
            provenance: where the clips come from.
            confidence: one (T, V) or (M, T, V) per clip; 0 for a joint that was not found.
            splits: names to the ids that train and the ids that test.
            keep_empty: accept clips in which nobody is seen.
            **meta: per-clip ``subject``, ``camera``, ``setup``, ``replication``.

        Raises:
            ClipError: a clip has the wrong shape, NaN in single joints, nobody in it, or a label without a class.
            DuplicateClipError: two clips have one id.
        """
        from kineme.clip_table import check_seen
        from kineme.memory_writer import MemoryWriter

        layout = Layout.get(layout) if isinstance(layout, str) else layout
        names, numbers = _class_names(labels, classes)
        channels = np.shape(arrays[0])[-1] if len(arrays) else 3
        writer = MemoryWriter(layout, names, channels=channels, provenance=provenance)
        for i, array in enumerate(arrays):
            xyz, present = _body_frames(np.asarray(array, np.float32))
            own: dict[str, Any] = {name: int(column[i]) for name, column in meta.items()}
            clip = Clip(
                id=ids[i] if ids is not None else f"clip{i:05d}",
                xyz=xyz,
                present=present,
                label=None if numbers is None else numbers[i],
                fps=fps,
                confidence=None if confidence is None else np.asarray(confidence[i]).reshape(-1, *xyz.shape[1:3]),
                **own,
            )
            if not keep_empty:
                check_seen(clip)
            writer.add(clip)
        return writer.finish(splits)

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        where = self.path or "memory"
        return f"SkeletonStore({where}: {len(self)} clips, {self.layout.name}, {len(self.classes)} classes)"

    def __getitem__(self, index: int) -> Clip:
        """Clip at a position; its arrays are views of the map."""
        row = self.clips[index]
        index = index % len(self)
        start, bodies, length = int(row["start"]), int(row["bodies"]), int(row["length"])
        rows = slice(start, start + bodies * length)
        return Clip(
            id=str(row["id"]),
            xyz=self._xyz[rows].cpu().numpy().reshape(bodies, length, *self._xyz.shape[1:]),
            present=self._present[rows].cpu().numpy().reshape(bodies, length),
            label=None if row["label"] < 0 else int(row["label"]),
            fps=float(row["fps"]),
            confidence=self._confidence_of(rows, bodies, length),
            segments=self._segments_of(index),
            **{name: int(row[name]) for name in META_FIELDS},
        )

    @property
    def ids(self) -> np.ndarray:
        """(N,) clip ids."""
        return self.clips["id"]

    @property
    def labels(self) -> np.ndarray:
        """(N,) int32 labels, -1 where unknown."""
        return self.clips["label"]

    @property
    def splits(self) -> ListedSplits:
        """Splits that came with the data; see `kineme.splits.get_split`."""
        if self._splits is None:
            self._splits = _read_splits(self.path) if self.path else {}
        return self._splits

    @property
    def has_confidence(self) -> bool:
        """Whether joints carry confidences."""
        return self._confidence is not None

    @property
    def segments(self) -> np.ndarray | None:
        """(S, 4) int64 clip, label, first frame and end of actions in uncut recordings; None where clips are cut."""
        return self._segments

    @property
    def channels(self) -> int:
        """C, coordinates per joint."""
        return self._xyz.shape[2]

    @property
    def num_rows(self) -> int:
        """R, body-frames stored."""
        return len(self._present)

    def found_joints(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Presence (R,) of some rows, and (R, V) bool: which joints were found, by confidence or by not being zero."""
        if self._confidence is not None:
            found = np.greater(self._confidence[rows], 0)
        else:
            found = np.any(self._xyz[rows].cpu().numpy(), axis=2)
        return self._present[rows].cpu().numpy(), np.asarray(found)

    @property
    def num_bytes(self) -> int:
        """Of coordinates and presence, which computing needs."""
        return self._xyz.nbytes + self._present.nbytes

    @property
    def max_bodies(self) -> int:
        """M, the most body slots any clip has."""
        return int(self.clips["bodies"].max(initial=1))

    @property
    def device(self) -> torch.device:
        """Where the coordinates live."""
        return self._xyz.device

    def to(self, device: torch.device | str) -> "SkeletonStore":
        """The same store resident on a device (a copy of all its coordinates)."""
        return SkeletonStore(
            self._xyz.to(device),
            self._present.to(device),
            self.clips,
            layout=self.layout,
            classes=self.classes,
            provenance=self.provenance,
            confidence=self._confidence,
            segments=self._segments,
            splits=self._splits,
            path=self.path,
        )

    def gather(self, index: Tensor | np.ndarray | Sequence[int]) -> RaggedClips:
        """Batch of clips as addresses into the store; no coordinate is copied, no clip is looped over."""
        index = torch.as_tensor(index, dtype=torch.int64, device=self.device)
        start, length, bodies, label = (self._column(name)[index] for name in ("start", "length", "bodies", "label"))
        return RaggedClips(self._xyz, self._present, start, length, bodies, index, label, self.layout)

    def require_layout(self, layout: Layout) -> None:
        """Check that this store has the joints that a model or run expects.

        Raises:
            LayoutMismatchError: other joints; the message names the command that converts, or why none can.
        """
        if self.layout == layout:
            return
        try:
            self.layout.turn_to(layout, self.channels)
            self.layout.mapping_to(layout)
        except LayoutError as error:
            raise LayoutMismatchError(f"the model expects {layout.name}, and there is no way there: {error}") from error
        name = layout.name if layout.name in Layout.names() else f"{layout.name}.toml"
        path = self.path or Path("STORE")
        converted = path.with_name(f"{path.stem}-{layout.name}.store")
        raise LayoutMismatchError(
            f"the store has {self.layout.num_joints} joints ({self.layout.name}), the model expects "
            f"{layout.num_joints} ({layout.name}); convert with: "
            f"kineme data convert {path} --layout {name} --out {converted} and give that: --store {converted}"
        )

    def save(self, path: str | Path) -> "SkeletonStore":
        """Write this store to disk and return the mapped one.

        Raises:
            StoreError: something is at ``path`` already.
        """
        from kineme.store_writer import StoreWriter

        with StoreWriter(
            path,
            self.layout,
            self.classes,
            channels=self.channels,
            confidence=self.has_confidence,
            provenance=self.provenance,
        ) as writer:
            writer.splits = self.splits
            for i in range(len(self)):
                writer.add(self[i])
        return SkeletonStore.open(path)

    def _confidence_of(self, rows: slice, bodies: int, length: int) -> np.ndarray | None:
        return None if self._confidence is None else self._confidence[rows].reshape(bodies, length, -1)

    def _segments_of(self, index: int) -> np.ndarray | None:
        if self._segments is None:
            return None
        clip = self._segments[:, 0]
        first, end = np.searchsorted(clip, index), np.searchsorted(clip, index, side="right")
        return self._segments[first:end, 1:]

    def _column(self, name: str) -> Tensor:
        if name not in self._columns:
            column = torch.from_numpy(self.clips[name].astype(np.int64))
            self._columns[name] = column.to(self.device)
        return self._columns[name]


def _map(path: Path, name: str) -> np.ndarray:
    return np.load(path / f"{name}.npy", mmap_mode="c")


def _read_splits(path: Path) -> ListedSplits:
    file = path / "splits.json"
    if not file.exists():
        return {}
    try:
        return {name: (sides["train"], sides["test"]) for name, sides in json.loads(file.read_bytes()).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{file}: damaged ({error!r}); prepare the store again") from error


def _read_meta(path: Path) -> dict[str, Any]:
    file = path / "store.json"
    if not file.is_file():
        raise StoreError(f"{path}: no skeleton store here; make one with: kineme data prepare DATASET RAW --out {path}")
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(f"{file}: not JSON ({error}); prepare the store again") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise StoreError(f"{file}: JSON, but not of a {FORMAT}; point --store at a folder made by kineme data prepare")
    if meta.get("version") != VERSION:
        raise StoreError(
            f"{file}: store format version {meta.get('version')}, this kineme reads {VERSION}; prepare it again"
        )
    if missing := sorted(_KEYS - meta.keys()):
        raise StoreError(f"{file}: damaged, without {', '.join(missing)}; prepare it again")
    return cast(dict[str, Any], meta)


def _body_frames(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4:
        raise ClipError(f"a clip must be (T, V, C) or (M, T, V, C), found an array of shape {array.shape}")
    present = np.logical_not(np.isnan(array).all(axis=(2, 3)))
    return np.where(present[:, :, None, None], array, np.float32(0)), present


def _class_names(
    labels: Sequence[int | str] | None, classes: Sequence[str] | None
) -> tuple[tuple[str, ...], list[int] | None]:
    if labels is None:
        return tuple(classes or ()), None
    if all(isinstance(label, str) for label in labels):
        names = tuple(classes) if classes is not None else tuple(sorted({str(label) for label in labels}))
        position = {name: i for i, name in enumerate(names)}
        missing = sorted({str(label) for label in labels} - set(names))
        if missing:
            raise ClipError(f"labels {missing} are not among the classes {list(names)}")
        return names, [position[str(label)] for label in labels]
    numbers = [int(label) for label in labels]
    names = tuple(classes) if classes is not None else tuple(str(k) for k in range(max(numbers, default=-1) + 1))
    return names, numbers
