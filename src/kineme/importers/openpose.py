"""OpenPose's ``--write_json``: one JSON file per frame, all people of the frame in it.

    <video>_000000000012_keypoints.json
    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x0, y0, c0, x1, y1, c1, ...]}, ...]}

A recording is the files of one folder that differ in the frame number only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.json_files import kind, number_rows, parse_json, records
from kineme.datasets.people import People
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.people_importer import PeopleImporter
from kineme.importers.pictures import PictureSize, picture_size, require_picture
from kineme.layout import Layout

_NAME = re.compile(r"(.+)_(\d{1,12})_keypoints")
_MOST_MISSING = 10  # frames for each file


@importers.register("openpose")
@dataclass(frozen=True)
class OpenPose(PeopleImporter):
    """OpenPose: a folder of JSON files, one per frame, for each recording.

    Source: Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", TPAMI 2019.

    Args:
        image_size: width and height of the picture in pixels.
        normalised: coordinates are parts of the width and height already (OpenPose's ``--keypoint_scale 3``).
        bodies: people kept per frame, the surest.
    """

    image_size: PictureSize = None
    normalised: bool = False

    name = "openpose"
    layout_name = "openpose18"
    suffix = ".json"
    example = "walk_000000000000_keypoints.json"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Recordings: the frames of a folder under one name, in order."""
        recordings: dict[tuple[str, str], list[RawFile]] = {}
        for file in files:
            name = _NAME.fullmatch(file.stem) if file.suffix == self.suffix else None
            if name:
                recordings.setdefault((str(file).removesuffix(file.name), name[1]), []).append(file)
        return [Source(name, tuple(sorted(frames, key=_frame_number))) for (_, name), frames in recordings.items()]

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a folder's files of one name; see `Importer.clips`."""
        require_picture(self.layout, source.file)
        scale = np.ones(2, np.float32) if self.normalised else picture_size(self.image_size, source.file)
        frames = _frames(source)
        found = [_people(file, self.layout) for file in source.files]
        pose, track = (np.concatenate(parts) for parts in zip(*found, strict=True))
        frame = np.repeat(frames - frames[0], [len(poses) for poses, _ in found])
        people = People(int(frames[-1] - frames[0]) + 1, frame, pose[..., :2] / scale, pose[..., 2], track)
        return [self.clip(source, people)]


def _frame_number(file: RawFile) -> int:
    name = _NAME.fullmatch(file.stem)
    if name is None:
        problem = "expected a name like walk_000000000000_keypoints.json, with the number of the frame"
        raise SourceError(file, problem, fix="give the file its original name, or remove it")
    return int(name[2])


def _frames(source: Source) -> np.ndarray:
    """(files,) int64 frame numbers."""
    frames = np.array([_frame_number(file) for file in source.files], np.int64)
    if not (np.diff(frames) > 0).all():
        twice = source.files[int(np.argmin(np.diff(frames))) + 1]
        raise SourceError(twice, "another file of this recording has the same frame number", fix="remove one of them")
    length = int(frames[-1] - frames[0]) + 1
    if length > _MOST_MISSING * len(frames):
        problem = f"frames {frames[0]} to {frames[-1]} of {source.id}, but only {len(frames)} files"
        raise SourceError(source.file, problem, fix="copy the missing files, or give another recording another name")
    return frames


def _people(file: RawFile, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """(R, V, 3) x, y and confidence of the people of a frame, and (R,) their numbers."""
    content = parse_json(file)
    if not isinstance(content, dict) or "people" not in content:
        found = f"the keys {sorted(content)[:5]}" if isinstance(content, dict) else kind(content)
        fix = "name a folder with what OpenPose's --write_json wrote"
        raise SourceError(file, f"expected an object with people, found {found}", fix=fix)
    people = [person for person in records(content["people"], file, "people") if person.get("pose_keypoints_2d")]
    rows = [person["pose_keypoints_2d"] for person in people]
    _check_joints(file, rows, layout)
    poses = number_rows(rows, 3 * layout.num_joints, file, "pose_keypoints_2d of person")
    return poses.reshape(-1, layout.num_joints, 3), np.array([_person_id(person) for person in people], np.int64)


def _check_joints(file: RawFile, rows: list[Any], layout: Layout) -> None:
    counts = {len(row) // 3 for row in rows if isinstance(row, list) and len(row) % 3 == 0}
    if other := counts - {layout.num_joints}:
        fix = "--layout openpose25 is OpenPose's default model, openpose18 its COCO model; or give your own"
        problem = f"people of {min(other)} key points, but layout {layout.name} has {layout.num_joints} joints"
        raise SourceError(file, problem, fix=fix)


def _person_id(person: dict[str, Any]) -> int:
    """Number of a person; -1 where OpenPose did not track."""
    ids = person.get("person_id")
    number = ids[0] if isinstance(ids, list) and ids else ids
    return number if isinstance(number, int) and 0 <= number < 2**31 else -1
