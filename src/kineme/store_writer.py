"""Writing a store so that nothing half-written can ever be opened, and an interrupted job can go on.

Clips are appended to ``<store>.writing`` with a journal line after each; `finish` completes the headers, syncs,
and renames the folder to its final name in one step. A journal left by a killed job is picked up again with
``resume=True``: what lies beyond its last complete line is cut off. Notes in the journal mark places to which the
work can be cut back further.
"""

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from kineme.clip_table import ClipTable, confidence_rows
from kineme.clips import Clip
from kineme.errors import KinemeError, StoreError
from kineme.layout import Layout
from kineme.store import FORMAT, VERSION, ListedSplits, SkeletonStore


class _NpyAppender:
    """A ``.npy`` file that grows row by row; its header says 0 rows until `finish`."""

    def __init__(self, path: Path, dtype: str, row_shape: tuple[int, ...]) -> None:
        self._dtype, self._row_shape = np.dtype(dtype), row_shape
        self._row_bytes = self._dtype.itemsize * math.prod(row_shape)
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._write_header(0)
        self._data_start = self._file.tell()

    def __len__(self) -> int:
        """Complete rows in the file, whatever its header says."""
        return (self._file.seek(0, os.SEEK_END) - self._data_start) // self._row_bytes

    def truncate(self, num_rows: int) -> None:
        """Cut everything beyond the first ``num_rows`` rows, and go on there."""
        self._file.truncate(self._data_start + num_rows * self._row_bytes)
        self._file.seek(0, os.SEEK_END)

    def append(self, rows: np.ndarray) -> None:
        """Write rows through to the operating system."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._file.flush()

    def finish(self, num_rows: int) -> None:
        """State the final number of rows and sync to disk."""
        self._write_header(num_rows)
        _sync(self._file)

    def close(self) -> None:
        self._file.close()

    def _write_header(self, num_rows: int) -> None:
        # NumPy pads the header so that the first axis can grow in place.
        shape = (num_rows, *self._row_shape)
        self._file.seek(0)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


class StoreWriter:
    """Writes a store to disk; a context manager that finishes on success.

    Where the block ends in one of our own errors the work is discarded; where it ends in anything else (Ctrl-C,
    a full disk) it is kept for ``resume=True``.

    Args:
        path: folder to create; must not exist.
        layout: joint layout of every clip.
        classes: class names.
        channels: C, coordinates per joint.
        confidence: whether to store confidences; those of clips without any are 1 for every present body.
        provenance: where the clips come from and how they are prepared.
        resume: go on from what an interrupted writer left; ids already there are in `ids`.

    Attributes:
        splits: splits that come with the data, to be set before `finish`.
        notes: what was noted between clips, oldest first.

    Raises:
        StoreError: something is at ``path``, or an interrupted writer with other settings left its work there.
    """

    def __init__(
        self,
        path: str | Path,
        layout: Layout,
        classes: Sequence[str] = (),
        *,
        channels: int = 3,
        confidence: bool = False,
        provenance: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> None:
        self.path = Path(path)
        if self.path.exists():
            raise StoreError(f"{self.path} exists; choose another --out, or remove it first")
        self._folder = self.path.with_name(self.path.name + ".writing")
        self._table = ClipTable(layout, classes, channels)
        self._with_confidence = confidence
        self._provenance = dict(provenance or {})
        self.splits: ListedSplits = {}
        self.notes: list[Any] = []
        self._marks: list[tuple[int, int]] = []  # bytes of journal and number of clips after each note
        self._begin(resume)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the clips written so far, those of a resumed job included."""
        return frozenset(self._table.ids)

    def add(self, clip: Clip) -> None:
        """Append a clip.

        Raises:
            ClipError: the clip cannot be stored; nothing was written.
            DuplicateClipError: its id is in the store already; nothing was written.
        """
        self._table.append(clip)
        self._arrays["xyz"].append(clip.xyz)
        self._arrays["present"].append(clip.present)
        if self._with_confidence:
            self._arrays["confidence"].append(confidence_rows(clip))
        self._log({"clip": self._table.rows[-1], "segments": self._table.segments[-1]})

    def note(self, content: Any) -> None:
        """Add something of JSON to the journal: a place to which `rewind` can cut the work back."""
        self._log({"note": content})
        self._remember(content, self._journal.tell())

    def attach(self, name: str, content: dict[str, Any]) -> None:
        """Put a JSON file beside the store's own; it appears together with them."""
        self._save(name, content)

    def rewind(self, num_notes: int) -> None:
        """Forget every note but the first ones, and every clip added after the last of those."""
        journal, num_clips = self._marks[num_notes - 1] if num_notes else (0, 0)
        del self.notes[num_notes:], self._marks[num_notes:]
        self._table.cut(num_clips)
        self._cut(journal)

    def finish(self) -> SkeletonStore:
        """Complete the files, move the store to its final name, and open it.

        Raises:
            StoreError: no clip was added.
        """
        if not self._table.rows:
            self.discard()
            raise StoreError(f"{self.path}: no clip could be stored; nothing was written")
        for array in self._arrays.values():
            array.finish(self._table.num_rows)
        self._save("clips.npy", self._table.to_array())
        if (segments := self._table.segments_array()) is not None:
            self._save("segments.npy", segments)
        if self.splits:
            sides = {name: {"train": list(train), "test": list(test)} for name, (train, test) in self.splits.items()}
            self._save("splits.json", sides)
        header = {"format": FORMAT, "version": VERSION, "num_clips": len(self._table.rows)}
        self._save("store.json", {**header, **self._job()})
        self.suspend()
        for name in ("journal.jsonl", "job.json"):
            (self._folder / name).unlink()
        self._folder.rename(self.path)
        return SkeletonStore.open(self.path)

    def discard(self) -> None:
        """Remove everything written so far."""
        self.suspend()
        shutil.rmtree(self._folder)

    def suspend(self) -> None:
        """Stop here and leave the work for ``resume=True``."""
        with ExitStack() as files:  # on a full disk closing may fail, and the others must still be closed
            for file in (self._journal, *self._arrays.values()):
                files.callback(file.close)

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        elif issubclass(kind, KinemeError):
            self.discard()
        else:
            self.suspend()

    def _job(self) -> dict[str, Any]:
        table = self._table
        return {
            "layout": table.layout.to_dict(),
            "classes": list(table.classes),
            "channels": table.channels,
            "confidence": self._with_confidence,
            "provenance": self._provenance,
        }

    def _begin(self, resume: bool) -> None:
        job_file, job = self._folder / "job.json", json.dumps(self._job(), indent=1)
        if self._folder.exists() and not (resume and job_file.exists()):
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        if job_file.exists() and job_file.read_text(encoding="utf-8") != job:
            raise StoreError(
                f"{self._folder} was left by an interrupted job with other settings; repeat those, or remove it"
            )
        job_file.write_text(job, encoding="utf-8")
        self._journal = (self._folder / "journal.jsonl").open("a+b")
        self._arrays = {
            name: _NpyAppender(self._folder / f"{name}.npy", dtype, row_shape)
            for name, (dtype, row_shape) in self._columns().items()
        }
        self._recover()

    def _columns(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of one row of every array that grows."""
        joints = self._table.layout.num_joints
        columns = {"xyz": ("<f4", (joints, self._table.channels)), "present": ("|b1", ())}
        return {**columns, "confidence": ("<f4", (joints,))} if self._with_confidence else columns

    def _log(self, entry: dict[str, Any]) -> None:
        self._journal.write(json.dumps(entry).encode() + b"\n")
        self._journal.flush()

    def _remember(self, note: Any, journal: int) -> None:
        self.notes.append(note)
        self._marks.append((journal, len(self._table.rows)))

    def _recover(self) -> None:
        """Read the journal as far as its lines are complete and their rows there, and cut every file back to that."""
        self._journal.seek(0)
        held, complete = min(len(array) for array in self._arrays.values()), 0
        for line in self._journal:
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            if "note" in entry:
                self._remember(entry["note"], complete + len(line))
            elif self._table.fits(entry["clip"], held):
                self._table.record(tuple(entry["clip"]), entry["segments"])
            else:
                break
            complete += len(line)
        self._cut(complete)

    def _cut(self, journal: int) -> None:
        """Cut the journal to so many bytes, and the arrays to the rows of the clips in the table."""
        self._journal.truncate(journal)
        self._journal.seek(0, os.SEEK_END)
        for array in self._arrays.values():
            array.truncate(self._table.num_rows)

    def _save(self, name: str, content: np.ndarray | dict[str, Any]) -> None:
        """Write a complete file to disk: an array as npy, anything else as JSON."""
        with (self._folder / name).open("wb") as file:
            if isinstance(content, np.ndarray):
                np.save(file, content)
            else:
                file.write(json.dumps(content, indent=1, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
            _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
