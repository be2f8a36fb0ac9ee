"""The folder between the last two scripts of SGN and CTR-GCN: denoised bodies, neither centred nor padded.

``denoised_data/raw_denoised_joints.pkl``: one (T, 75) or (T, 150) float32 array per clip, the second for two bodies;
``denoised_data/frames_cnt.txt``: their lengths; ``statistics/``: one column per file about setup, camera, performer,
replication, label (from 1) and name. ``seq_transformation.py`` runs in this folder.

Source: SGN (Zhang et al., CVPR 2020), CTR-GCN (Chen et al., ICCV 2021).
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kineme.clips import Clip
from kineme.exporters import exporters
from kineme.exporters.base import BODIES, Progress, clips_at, require_labels, whole_or_nothing
from kineme.exporters.pickles import dump
from kineme.layout import Layout
from kineme.store import SkeletonStore


@exporters.register("sgn")
def export_sgn(store: SkeletonStore, split: str, out: Path, progress: Progress | None = None) -> list[Path]:
    """A folder of all clips in which the last script of SGN and CTR-GCN runs; needs no split.

    See `kineme.exporters.base.Exporter`.
    """
    store.require_layout(Layout.get("kinect25"))
    everything = np.arange(len(store))
    require_labels(store, everything)
    with whole_or_nothing(out) as folder:
        (folder / "denoised_data").mkdir(parents=True)
        with (folder / "denoised_data" / "raw_denoised_joints.pkl").open("wb") as file:
            dump((_rows(clip) for clip in clips_at(store, everything, progress)), file)
        _write_column(folder / "denoised_data" / "frames_cnt.txt", store.clips["length"])
        _write_statistics(store, folder / "statistics")
    return sorted(path for path in out.rglob("*") if path.is_file())


def _rows(clip: Clip) -> np.ndarray:
    """(T, 75) or (T, 150) float32."""
    return clip.xyz[:BODIES].swapaxes(0, 1).reshape(clip.xyz.shape[1], -1)


def _write_statistics(store: SkeletonStore, folder: Path) -> None:
    folder.mkdir()
    _write_column(folder / "skes_available_name.txt", store.ids)
    _write_column(folder / "label.txt", store.labels + 1)
    _write_column(folder / "performer.txt", store.clips["subject"])
    for name in ("setup", "camera", "replication"):
        _write_column(folder / f"{name}.txt", store.clips[name])


def _write_column(path: Path, values: Iterable[object]) -> None:
    path.write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
