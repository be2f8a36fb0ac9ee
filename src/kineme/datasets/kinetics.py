"""Kinetics-skeleton: what OpenPose saw in the videos of Kinetics 400, one JSON file per video (18 joints, 2D).

    {"data": [{"frame_index": 1, "skeleton": [{"pose": [x0, y0, ..., x17, y17], "score": [s0, ..., s17]}, ...]}, ...],
     "label": "dining", "label_index": 91}

Coordinates are parts of the picture's width and height; a joint that was not found has score 0. People are not
tracked: each frame lists those it shows in any order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.json_files import parse_json
from kineme.datasets.kinetics_people import FOREIGN, read_people
from kineme.datasets.names import one_named
from kineme.datasets.people import People, surest
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.store import ListedSplits

FPS = 30.0
_LABEL_FILES = ("kinetics_train_label.json", "kinetics_val_label.json")
_LABELS_AGAIN = "take the file of the download, or remove it"
_PEOPLE_KEPT = 2
_REFERENCE_FRAMES = 300


@datasets.register("kinetics")
class Kinetics(Dataset):
    """Kinetics-skeleton: about 260,000 videos of 400 actions, up to two people each, in picture coordinates.

    Of the first five people of a frame the two with the highest sum of scores are kept. ``preparation="default"``
    keeps each in the same slot over time, ``"reference"`` repeats the arrays of ST-GCN. See
    ``docs/datasets/kinetics.md``.

    Source: Yan et al., "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition",
    AAAI 2018.
    """

    name = "kinetics"
    layout_name = "openpose18"
    suffix = ".json"
    example = "-0BveUV52cM.json"
    preparations = ("default", "reference")

    @property
    def channels(self) -> int:
        """x and y."""
        return 2

    @property
    def has_confidence(self) -> bool:
        """The scores of OpenPose."""
        return True

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every JSON file but the two of labels."""
        return super().sources([file for file in files if file.name.lower() not in _LABEL_FILES])

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """Videos of the two label files; see `Dataset.splits`."""
        of_train, of_test = (one_named(files, name) for name in _LABEL_FILES)
        if of_train is None or of_test is None:
            return {}
        train, test = _listed(of_train), _listed(of_test)
        if both := set(train) & set(test):
            raise SourceError(of_test, f"{min(both)} trains and tests, see {of_train}", fix=_LABELS_AGAIN)
        return {self.name: (train, test)}

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        content = _parse(source.file)
        label = _label(source.file, content, self.classes)
        people = read_people(source.file, content["data"], self.layout.num_joints)
        if self.preparation == "reference":
            xyz, confidence, present = self._as_st_gcn(source.file, content["data"], people)
        else:
            xyz, confidence, present = people.bodies(_PEOPLE_KEPT)
        return [Clip(id=source.id, xyz=xyz, present=present, label=label, fps=FPS, confidence=confidence)]

    def _as_st_gcn(self, file: RawFile, frames: list[Any], people: People) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slots by sureness frame by frame, coordinates about the middle of the picture."""
        total = people.confidence.sum(axis=1)
        kept, slot = surest(people.frame, np.where(total > 0, total, -np.inf), _PEOPLE_KEPT)
        frame = _reference_frames(file, frames)[people.frame[kept]]
        shape = (slot.max(initial=0) + 1, _REFERENCE_FRAMES, self.layout.num_joints)
        xyz, confidence = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
        score = people.confidence[kept]
        xyz[slot, frame] = np.where(score[..., None] > 0, people.xyz[kept] - 0.5, 0)
        confidence[slot, frame] = score
        return xyz, confidence, np.any(confidence, axis=2)


def _listed(file: RawFile) -> list[str]:
    """Names of the videos in which anybody was found, from a label file."""
    content = parse_json(file)
    try:
        return [video for video, entry in content.items() if entry["has_skeleton"]]
    except (AttributeError, KeyError, TypeError) as error:
        problem = "expected a has_skeleton for every video"
        raise SourceError(file, problem, fix=_LABELS_AGAIN) from error


def _parse(file: RawFile) -> dict[str, Any]:
    content = parse_json(file)
    expected = {"data", "label_index"}
    if not isinstance(content, dict) or not expected <= set(content):
        found = sorted(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise SourceError(file, f"expected the keys {sorted(expected)}, found {found}", fix=FOREIGN)
    if not isinstance(content["data"], list) or not content["data"]:
        raise SourceError(file, "no frames: data is empty or not a list", fix=FOREIGN)
    return content


def _label(file: RawFile, content: dict[str, Any], classes: Sequence[str]) -> int | None:
    index, name = content["label_index"], content.get("label")
    if index is None or index == -1:  # what ST-GCN's tools write where they do not know
        return None
    if not isinstance(index, int) or not 0 <= index < len(classes):
        problem = f"expected a label_index from 0 to {len(classes) - 1}, found {index!r:.40}"
        raise SourceError(file, problem, fix=FOREIGN)
    if name not in (None, classes[index]):
        problem = f"label_index {index} means {classes[index]!r}, label says {name!r:.40}"
        raise SourceError(file, problem, fix="find out which is right, then correct the other")
    return index


def _reference_frames(file: RawFile, frames: list[Any]) -> np.ndarray:
    """(T,) where ST-GCN puts each frame: at its index, which counts from 1, so that its first frame stays empty."""
    indices = [frame.get("frame_index") for frame in frames]
    in_range = all(isinstance(index, int) and 0 <= index < _REFERENCE_FRAMES for index in indices)
    if not in_range or sorted(set(indices)) != indices:
        problem = f"expected frame_index to ascend and stay below {_REFERENCE_FRAMES}"
        raise SourceError(file, problem, fix="prepare it with --preparation default, or leave it out")
    return np.array(indices, np.int64)
