"""The ``.npz`` files of MAMP, CTR-GCN and their descendants: one per split, padded and dense.

``x_train``, ``x_test`` (N, T, 2 V C) float32, per frame the first body's coordinates and then the second's;
``y_train``, ``y_test`` (N, K) float64 one-hot. Lengths and names are not in it. Clips prepared with ``reference`` give
the very bytes that MAMP's own scripts make of NTU RGB+D and PKU-MMD.

Source: MAMP (Mao et al., ICCV 2023), whose scripts for NTU are those of SGN and CTR-GCN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from kineme.clips import Clip
from kineme.datasets.ntu_reference import centre_reference
from kineme.exporters import exporters
from kineme.exporters.base import BODIES, Progress, clips_at, labelled_split, whole_or_nothing, write_npy
from kineme.layout import Layout
from kineme.splits import SPLITS, Split
from kineme.store import SkeletonStore


@dataclass(frozen=True)
class _Style:
    """What the scripts of one dataset do besides padding.

    Args:
        centred: subtract the main body's spine of the first frame.
        doubled: repeat a single body in the second slot, which is otherwise zero.
        by_number: rows go by the number that the split goes by, such as the performer; otherwise as in the store.
        frames: length to cut and pad to; by default that of the longest clip in the store.
    """

    centred: bool = False
    doubled: bool = False
    by_number: bool = False
    frames: int | None = None


_STYLES = {
    "ntu60": _Style(centred=True, by_number=True),
    "ntu120": _Style(centred=True, by_number=True, doubled=True),
    "pku1": _Style(frames=300),
    "pku2": _Style(frames=300),
}


@exporters.register("mamp")
def export_mamp(store: SkeletonStore, split: str, out: Path, progress: Progress | None = None) -> list[Path]:
    """One padded .npz, for MAMP, HA-CM and CTR-GCN.

    See `kineme.exporters.base.Exporter`.
    """
    style = _style(store)
    train, test = (_ordered(store, split, side, style) for side in labelled_split(store, split))
    frames = style.frames or int(store.clips["length"].max())
    clips = clips_at(store, np.concatenate([train, test]), progress)
    width = BODIES * store.layout.num_joints * store.channels
    with whole_or_nothing(out) as partial, ZipFile(partial, "w") as archive:
        for side, index in (("train", train), ("test", test)):
            rows = (_row(clip, style, frames) for clip in islice(clips, len(index)))
            with archive.open(f"x_{side}.npy", "w", force_zip64=True) as file:
                write_npy(file, "<f4", (len(index), frames, width), rows)
            with archive.open(f"y_{side}.npy", "w", force_zip64=True) as file:
                write_npy(file, "<f8", (len(index), len(store.classes)), _one_hot(store, index))
    return [out]


def _style(store: SkeletonStore) -> _Style:
    if store.layout != Layout.get("kinect25"):  # converted: no script ever saw these joints
        return _Style()
    return _STYLES.get(store.provenance.get("dataset", ""), _Style())


def _ordered(store: SkeletonStore, split: str, index: np.ndarray, style: _Style) -> np.ndarray:
    rule = SPLITS.get(split)
    if not style.by_number or not isinstance(rule, Split):
        return index
    return index[np.argsort(store.clips[rule.field][index], kind="stable")]


def _row(clip: Clip, style: _Style, frames: int) -> np.ndarray:
    """(frames, 2 V C) float32."""
    xyz = centre_reference(clip) if style.centred else clip.xyz
    if style.doubled and len(xyz) == 1:
        xyz = np.concatenate([xyz, xyz])
    xyz = xyz[:BODIES, :frames]
    M, T, V, C = xyz.shape
    row = np.zeros((frames, BODIES, V, C), np.float32)
    row[:T, :M] = xyz.swapaxes(0, 1)
    return row.reshape(frames, -1)


def _one_hot(store: SkeletonStore, index: np.ndarray) -> Iterator[np.ndarray]:
    eye = np.eye(len(store.classes))
    return (eye[label] for label in store.labels[index])
