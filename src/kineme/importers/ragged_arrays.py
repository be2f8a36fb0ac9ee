"""Arrays of many clips, from one ``.npz`` file:

    data        (F, V, C) or (F, M, V, C) coordinates of all F frames; NaN for a body that is absent in a frame
    offsets     (N + 1,) first frame of each clip, then F
    label, name, subject, camera or view, setup or pair, trial, split      (N,) each, all optional
    classes, joints                                                        names, optional
    confidence  (F, V) or (F, M, V), optional

Text in place of a number (subject, camera, setup, trial) is numbered from 1 in order.
"""

import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

META = {
    "subject": "subject",
    "view": "camera",
    "camera": "camera",
    "pair": "setup",
    "setup": "setup",
    "trial": "replication",
}
"""Columns of numbers and the fields of a clip that they are; of two for one field the later goes first."""
_LARGEST = {"label": 99_999}


@dataclass(frozen=True)
class Ragged:
    """N clips as the file has them.

    Args:
        data: (F, V, C) or (F, M, V, C) float32.
        offsets: (N + 1,) int64.
        columns: name of a column to N numbers or texts; ``name`` is always there.
        joints: V names, or None.
        classes: names, or None.
        confidence: (F, V) or (F, M, V) float32, or None.
    """

    data: np.ndarray
    offsets: np.ndarray
    columns: dict[str, list[Any]]
    joints: list[str] | None
    classes: list[str] | None
    confidence: np.ndarray | None

    def cut(self, array: np.ndarray, joints: slice | list[int]) -> list[np.ndarray]:
        """Some joints of each clip: (T, V, ...), or (M, T, V, ...) where there are bodies."""
        if array.ndim == 3:
            return np.split(array[:, joints], self.offsets[1:-1])
        return [np.moveaxis(clip, 1, 0) for clip in np.split(array[:, :, joints], self.offsets[1:-1])]


def read_ragged(file: RawFile) -> Ragged:
    """Read and check the arrays.

    Raises:
        SourceError: not such a file.
    """
    arrays = _load(file)
    data, offsets = _data(arrays, file), _offsets(arrays, file)
    joints = _names(arrays, "joints", file)
    if joints is not None and len(joints) != data.shape[-2]:
        raise SourceError(file, f"{len(joints)} names of joints, but data {data.shape}")
    confidence = arrays.get("confidence")
    if confidence is not None:
        if confidence.shape != data.shape[:-1] or confidence.dtype.kind not in "fiu":
            found = f"{confidence.dtype} {confidence.shape}"
            raise SourceError(file, f"confidence must be numbers {data.shape[:-1]} as for data, found {found}")
        confidence = _float32(confidence)
    columns = _columns(arrays, len(offsets) - 1, file)
    return Ragged(data, offsets, columns, joints, _names(arrays, "classes", file), confidence)


def _load(file: RawFile) -> dict[str, np.ndarray]:
    data = file.read_bytes()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            loaded = {name: np.asarray(arrays[name]) for name in arrays}  # what is no .npy comes as bytes
        for array in loaded.values():
            if array.dtype.kind == "U":
                "".join(array.ravel().tolist()).encode()  # fails where numbers stand for no character
    except Exception as error:  # NumPy has headers parsed as Python, which can end in many ways
        raise SourceError(file, f"not an .npz file of plain arrays ({error})") from error
    if missing := {"data", "offsets"} - set(loaded):
        raise SourceError(file, f"no array {' and '.join(sorted(missing))}, found {sorted(loaded)}")
    return loaded


def _data(arrays: dict[str, np.ndarray], file: RawFile) -> np.ndarray:
    data = arrays["data"]
    if data.dtype.kind not in "fiu" or data.ndim not in (3, 4):
        problem = f"data must be numbers (F, V, C) or (F, M, V, C), found {data.dtype} {data.shape}"
        raise SourceError(file, problem)
    return _float32(data)


def _float32(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # a store refuses infinity
        return array.astype(np.float32)


def _offsets(arrays: dict[str, np.ndarray], file: RawFile) -> np.ndarray:
    num_frames, offsets = len(arrays["data"]), arrays["offsets"]
    if (
        offsets.ndim != 1
        or offsets.dtype.kind not in "iu"
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != num_frames
        or (offsets[1:] <= offsets[:-1]).any()
    ):
        raise SourceError(file, f"offsets must be whole numbers that rise from 0 to {num_frames}, the frames in data")
    return offsets.astype(np.int64)


def _columns(arrays: dict[str, np.ndarray], num_clips: int, file: RawFile) -> dict[str, list[Any]]:
    """What there is for each clip, checked; names are made up where there are none."""
    columns = {name: arrays[name] for name in ("label", "name", "split", *META) if name in arrays}
    if uneven := [f"{name} {column.shape}" for name, column in columns.items() if column.shape != (num_clips,)]:
        raise SourceError(file, f"{num_clips} clips, but {', '.join(uneven)}")
    for name, column in columns.items():
        is_text, largest = column.dtype.kind == "U", _LARGEST.get(name, 2**31 - 1)
        if not is_text and (column.dtype.kind not in "iu" or column.min() < -1 or column.max() > largest):
            raise SourceError(file, f"{name} must be text or whole numbers from -1 to {largest}, found {column!r:.80}")
        if name in META and is_text:
            columns[name] = np.unique(column, return_inverse=True)[1] + 1
    lists = {name: column.tolist() for name, column in columns.items()}
    lists["name"] = [str(name) for name in lists.get("name", [f"{file.stem}.{i:05d}" for i in range(num_clips)])]
    repeated = [name for name, count in Counter(lists["name"]).items() if count > 1]
    if repeated:
        raise SourceError(file, f"the name {repeated[0]} occurs twice; clip ids must be unique")
    return lists


def _names(arrays: dict[str, np.ndarray], key: str, file: RawFile) -> list[str] | None:
    if key not in arrays:
        return None
    if arrays[key].dtype.kind != "U" or arrays[key].ndim != 1:
        raise SourceError(file, f"{key} must be a list of names, found {arrays[key].dtype} {arrays[key].shape}")
    return arrays[key].tolist()
