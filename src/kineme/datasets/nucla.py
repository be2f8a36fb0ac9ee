"""Northwestern-UCLA Multiview Action 3D, as the JSON files that the field passes around (Kinect v1, 20 joints)."""

import re
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.coordinates import as_float32
from kineme.datasets.json_files import parse_json
from kineme.datasets.names import RENAME, name_numbers
from kineme.errors import SourceError

_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)")
_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)  # of the names; class k is the k-th of them, and label k + 1 in the json
_FOREIGN = "this is no N-UCLA file, or a damaged one: remove it, or unpack it again"


@datasets.register("nucla")
class NUCLA(Dataset):
    """Northwestern-UCLA: 1,484 single-body recordings of 10 actions, 10 subjects and 3 views.

    The camera of a clip is its view, the replication its episode. The files carry no frame rate. See
    ``docs/datasets/nucla.md``.

    Source: Wang et al., "Cross-view Action Modeling, Learning and Recognition", CVPR 2014.
    """

    name = "nucla"
    layout_name = "kinect20"
    suffix = ".json"
    example = "a01_s01_e00_v01.json"

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        like = "a01_s01_e00_v01 (action, subject, episode, view)"
        action, subject, episode, view = name_numbers(source.file, _NAME, like)
        if action not in _ACTIONS:
            raise SourceError(source.file, f"action {action} does not exist, only {_ACTIONS}", fix=RENAME)
        label = _ACTIONS.index(action)
        content = _parse(source)
        _check_identity(source, content, label)
        xyz = _coordinates(source, content["skeletons"], self.layout.num_joints)
        clip = Clip(
            id=source.id,
            xyz=xyz[None],
            present=np.any(xyz, axis=(1, 2))[None],
            label=label,
            subject=subject,
            camera=view,
            replication=episode,
        )
        return [clip]


def _parse(source: Source) -> dict[str, Any]:
    content = parse_json(source.file)
    expected = {"file_name", "skeletons", "label"}
    if not isinstance(content, dict) or not expected <= set(content):
        found = sorted(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise SourceError(source.file, f"expected the keys {sorted(expected)}, found {found}", fix=_FOREIGN)
    return content


def _check_identity(source: Source, content: dict[str, Any], label: int) -> None:
    if content["file_name"] != source.file.stem:
        problem = f"the file is called {source.file.stem}, but inside {content['file_name']!r:.40}"
        raise SourceError(source.file, problem, fix="give the file its original name")
    if content["label"] != label + 1:
        problem = f"the file's name means label {label + 1}, inside it says {content['label']!r:.40}"
        raise SourceError(source.file, problem, fix="find out which is right, then correct the other")


def _coordinates(source: Source, skeletons: object, num_joints: int) -> np.ndarray:
    """(T, V, 3) float32 from nested lists of numbers."""
    if not isinstance(skeletons, list) or not skeletons:
        raise SourceError(source.file, "no frames: skeletons is empty or not a list", fix=_FOREIGN)
    frames = []
    for number, skeleton in enumerate(skeletons, start=1):
        try:
            frame = np.array(skeleton)
        except ValueError:  # ragged
            frame = np.array(None)
        if frame.dtype.kind not in "if" or frame.shape != (num_joints, 3):
            problem = f"expected {num_joints} joints of 3 numbers in frame {number}, found {_shape(skeleton)}"
            raise SourceError(source.file, problem, fix=_FOREIGN)
        frames.append(frame)
    return as_float32(np.array(frames), source.file)


def _shape(skeleton: object) -> str:
    if not isinstance(skeleton, list):
        return type(skeleton).__name__
    lengths = {len(joint) if isinstance(joint, list) else 0 for joint in skeleton}
    return f"{len(skeleton)} joints of {' or '.join(str(length) for length in sorted(lengths))} values"
