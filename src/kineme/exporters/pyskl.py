"""The pickle of pyskl and MMAction2: ragged clips and the split in one file.

``{"split": {"<name>_train": ids, "<name>_val": ids}, "annotations": [{"frame_dir": id, "label", "total_frames",
"keypoint": (M, T, V, C) float16, "keypoint_score": (M, T, V) float16 where the store has confidences}, ...]}``.
Coordinates are those of the store: metres, or parts of the picture, for which ``img_shape`` is (1, 1). float16 is off
by 1 mm at most between two and four metres.

Source: PYSKL (Duan et al., ACM MM 2022).
"""

from pathlib import Path
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.exporters import exporters
from kineme.exporters.base import Progress, clips_at, labelled_split, whole_or_nothing
from kineme.exporters.pickles import dump
from kineme.store import SkeletonStore


@exporters.register("pyskl")
def export_pyskl(store: SkeletonStore, split: str, out: Path, progress: Progress | None = None) -> list[Path]:
    """One pickle of clips of any length, for PYSKL and MMAction2.

    See `kineme.exporters.base.Exporter`.
    """
    train, test = labelled_split(store, split)
    name = split.removeprefix(f"{store.provenance.get('dataset')}-")  # the field's "xsub" is our "ntu60-xsub"
    sides = {f"{name}_train": store.ids[train].tolist(), f"{name}_val": store.ids[test].tolist()}
    clips = clips_at(store, np.sort(np.concatenate([train, test])), progress)
    picture = {"img_shape": (1, 1)} if store.layout.unit == "image" else {}
    with whole_or_nothing(out) as partial, partial.open("wb") as file:
        dump({"split": sides, "annotations": ({**_annotation(clip), **picture} for clip in clips)}, file)
    return [out]


def _annotation(clip: Clip) -> dict[str, Any]:
    annotation = {
        "frame_dir": clip.id,
        "label": clip.label,
        "total_frames": clip.xyz.shape[1],
        "keypoint": clip.xyz.astype(np.float16),
    }
    if clip.confidence is not None:
        annotation["keypoint_score"] = clip.confidence.astype(np.float16)
    return annotation
