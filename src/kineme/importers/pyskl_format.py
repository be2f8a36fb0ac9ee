"""What an annotation pickle of pyskl or MMAction2 holds, checked.

    {"split": {"xsub_train": [frame_dir, ...], "xsub_val": [...]},
     "annotations": [{"frame_dir": text, "label": int, "total_frames": T, "img_shape": (h, w),
                      "keypoint": (M, T, V, C), "keypoint_score": (M, T, V)}, ...]}

Older files are the list of annotations alone. 3D files have neither ``img_shape`` nor ``keypoint_score``.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers.unpickle import describe, load_plain
from kineme.store import ListedSplits

Annotation = dict[str, Any]
"""frame_dir (text), label (int, -1 where unknown), keypoint (of whatever kind) and other things."""

_SIDE = re.compile(r"(?:(.+)_)?(train|val|test)(\d*)")
_MOST_CLASSES = 100_000
_LONGEST_NAME = 250
_FOREIGN = "this is no annotation file of pyskl or MMAction2, or a damaged one"
_COMPACT = "the compact Kinetics form is not read, as its key points are elsewhere: make a file that holds them"


@dataclass(frozen=True)
class Content:
    """A whole file: its annotations by frame_dir, and its splits."""

    annotations: dict[str, Annotation]
    splits: ListedSplits


def read_annotations(file: RawFile) -> Content:
    """A file, parsed once per process: each of its recordings asks for all of it.

    Raises:
        SourceError: another file, a damaged one, or two annotations of one name.
    """
    return _parse(file, file.fingerprint())


@lru_cache(maxsize=4)
def _parse(file: RawFile, _fingerprint: tuple[int, int]) -> Content:
    content = load_plain(file.read_bytes(), file)
    if isinstance(content, dict):
        annotations, split = content.get("annotations"), content.get("split", {})
    else:
        annotations, split = content, {}
    if not isinstance(annotations, list) or not annotations:
        expected = "a list of annotations, or a dict with annotations and split"
        raise SourceError(file, f"expected {expected}, found {describe(content)}", fix=_FOREIGN)
    checked = [_checked(file, number, annotation) for number, annotation in enumerate(annotations, start=1)]
    ids = Counter(annotation["frame_dir"] for annotation in checked)
    if len(ids) < len(checked):
        problem = f"frame_dir {ids.most_common(1)[0][0]} occurs {ids.most_common(1)[0][1]} times"
        raise SourceError(file, problem, fix="give every annotation a name of its own")
    return Content({annotation["frame_dir"]: annotation for annotation in checked}, _splits(file, split))


def _checked(file: RawFile, number: int, annotation: object) -> Annotation:
    """An annotation with a name, a label as int, and key points of whatever kind."""
    if not isinstance(annotation, dict) or not {"frame_dir", "label", "keypoint"} <= set(annotation):
        compact = isinstance(annotation, dict) and "frame_inds" in annotation
        problem = f"expected frame_dir, label and keypoint in annotation {number}, found {_keys(annotation)}"
        raise SourceError(file, problem, fix=_COMPACT if compact else _FOREIGN)
    name, label = annotation["frame_dir"], annotation["label"]
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise SourceError(file, f"frame_dir of annotation {number} is no name", fix="name every annotation")
    if not isinstance(label, int | np.integer) or not -1 <= label < _MOST_CLASSES:
        is_short = isinstance(label, int | np.integer) and int(label).bit_length() < 128
        found = label if is_short else describe(label)
        problem = f"expected the number of one class as label of {name}, found {found!s:.40}"
        raise SourceError(file, problem, fix="number the classes from 0; -1 is unknown")
    return {**annotation, "label": int(label)}


def _keys(annotation: object) -> str:
    if not isinstance(annotation, dict):
        return describe(annotation)
    return ", ".join(key for key in annotation if isinstance(key, str))[:200] or "no keys"


def _splits(file: RawFile, split: Any) -> ListedSplits:
    """``<x>_train`` and ``<x>_test`` (or ``_val``) as split ``<x>``; without ``<x>`` it is called ``own``."""
    lists = list(split.values()) if isinstance(split, dict) else [None]
    if not all(isinstance(ids, list) and all(isinstance(id, str) for id in ids) for ids in lists):
        raise SourceError(file, "expected split as a dict of lists of frame_dir", fix=_FOREIGN)
    sides: dict[str, dict[str, list[str]]] = {}
    for key, ids in split.items():
        if name := _SIDE.fullmatch(key) if isinstance(key, str) else None:
            sides.setdefault((name[1] or "own") + name[3], {})[name[2]] = ids
    tested = {name: (found.get("train"), found.get("test") or found.get("val")) for name, found in sides.items()}
    return {name: (train, test) for name, (train, test) in tested.items() if train and test}


def keypoints(file: RawFile, annotation: Annotation) -> np.ndarray:
    """(M, T, V, C) float32, C 2 or 3.

    Raises:
        SourceError: anything else, or a number that is not finite.
    """
    keypoint = _floats(annotation["keypoint"])
    if keypoint is None or keypoint.ndim != 4 or not keypoint.size or keypoint.shape[3] not in (2, 3):
        expected = "(bodies, frames, joints, 2 or 3) finite numbers"
        raise _other(file, annotation, "keypoint", expected)
    return keypoint


def scores(file: RawFile, annotation: Annotation) -> np.ndarray | None:
    """(M, T, V) float32 from 0 to 1; None where the annotation has none.

    Raises:
        SourceError: not one for each of the key points.
    """
    if annotation.get("keypoint_score") is None:
        return None
    score, expected = _floats(annotation["keypoint_score"]), annotation["keypoint"].shape[:3]
    if score is None or score.shape != expected:
        raise _other(file, annotation, "keypoint_score", f"{expected} finite numbers")
    return score.clip(0, 1)


def _floats(value: object) -> np.ndarray | None:
    """float32 array; None for anything but finite numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        return None
    with np.errstate(over="ignore"):
        array = np.array(value, np.float32, subok=False)
    return array if np.isfinite(array).all() else None


def _other(file: RawFile, annotation: Annotation, key: str, expected: str) -> SourceError:
    problem = f"expected {key} of {annotation['frame_dir']} as {expected}, found {describe(annotation[key])}"
    return SourceError(file, problem, fix="repair the annotation, or leave it out")
