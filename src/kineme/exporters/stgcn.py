"""The folders of ST-GCN, AimCLR and CrosSCLR: one dense array and one list of names and labels per side of a split.

``train_data.npy``, ``val_data.npy`` (N, C, 300, V, 2) float32, zero where nobody is; ``train_label.pkl``,
``val_label.pkl``: (names with the extension ``.skeleton``, labels from 0). Rows go by name.

Source: ST-GCN (Yan et al., AAAI 2018); AimCLR (Guo et al., AAAI 2022) for PKU-MMD.
"""

import pickle
from itertools import islice
from pathlib import Path

import numpy as np

from kineme.clips import Clip
from kineme.errors import ClipError
from kineme.exporters import exporters
from kineme.exporters.base import BODIES, Progress, clips_at, labelled_split, whole_or_nothing, write_npy
from kineme.store import SkeletonStore

FRAMES = 300


@exporters.register("stgcn")
def export_stgcn(store: SkeletonStore, split: str, out: Path, progress: Progress | None = None) -> list[Path]:
    """A folder of arrays of 300 frames and their labels, for ST-GCN, SkeletonCLR and AimCLR.

    See `kineme.exporters.base.Exporter`.
    """
    train, test = (np.array(sorted(side, key=lambda i: _name(store, i))) for side in labelled_split(store, split))
    everything = np.concatenate([train, test])
    _require_short(store, everything)
    clips = clips_at(store, everything, progress)
    shape = (store.channels, FRAMES, store.layout.num_joints, BODIES)
    with whole_or_nothing(out) as folder:
        folder.mkdir()
        for side, index in (("train", train), ("val", test)):
            rows = (_row(clip) for clip in islice(clips, len(index)))
            with (folder / f"{side}_data.npy").open("wb") as file:
                write_npy(file, "<f4", (len(index), *shape), rows)
            names = [f"{_name(store, i)}.skeleton" for i in index]
            with (folder / f"{side}_label.pkl").open("wb") as file:
                pickle.dump((names, store.labels[index].tolist()), file)
    return sorted(out.iterdir())


def _name(store: SkeletonStore, i: int) -> str:
    """What the format calls a clip: its id, but for instances cut from PKU-MMD's videos."""
    id = str(store.ids[i])
    if store.provenance.get("dataset") not in ("pku1", "pku2"):
        return id
    from kineme.datasets.pku import stgcn_name

    return stgcn_name(id, int(store.labels[i]))


def _require_short(store: SkeletonStore, index: np.ndarray) -> None:
    long = index[store.clips["length"][index] > FRAMES]
    if len(long):
        raise ClipError(
            f"clip {store.ids[long[0]]} has {store.clips['length'][long[0]]} frames, this format holds {FRAMES} "
            f"({len(long)} clips are longer); prepare the dataset with --preparation stgcn where it has that"
        )


def _row(clip: Clip) -> np.ndarray:
    """(C, 300, V, 2) float32."""
    M, T, V, C = clip.xyz[:BODIES].shape
    row = np.zeros((C, FRAMES, V, BODIES), np.float32)
    row[:, :T, :, :M] = clip.xyz[:BODIES].transpose(3, 1, 2, 0)
    return row
