"""MediaPipe Pose as JSON, one file per recording: a list of frames with the names that MediaPipe gives its results.

    [{"pose_world_landmarks": [[{"x": 0.1, "y": -0.5, "z": 0.2, "visibility": 0.99}, ... 33], ... people]}, ...]

World landmarks are metres from the middle of the hips: x to the right of the picture, y down, z away from the camera.
Image landmarks are parts of the picture's width and height.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.json_files import kind, number_rows, parse_json
from kineme.datasets.people import People
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.people_importer import PeopleImporter
from kineme.importers.pictures import require_picture

_WORLD = ("pose_world_landmarks", "world_landmarks", "worldLandmarks")
_IMAGE = ("pose_landmarks", "landmarks")
_AXES = {"-y": np.diag([1, 1, 1]), "+y": np.diag([1, -1, -1]), "+z": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])}
_FARTHEST_ORIGIN = 0.25  # metres from the middle of the hips; a picture's landmarks are about 0.7 from its corner
_FORM = "docs/importing/mediapipe.md shows how to write the file"


@importers.register("mediapipe")
@dataclass(frozen=True)
class MediaPipe(PeopleImporter):
    """MediaPipe Pose: one JSON file per recording, a list of frames.

    World landmarks for layouts in metres, such as mediapipe33; image landmarks for layouts of pictures.

    Source: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020.

    Args:
        bodies: people kept per frame, the surest.
    """

    name = "mediapipe"
    layout_name = "mediapipe33"
    suffix = ".json"
    example = "walk.json"

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        file, world = source.file, self.layout.unit == "m"
        if not world:
            require_picture(self.layout, file)
        frames = parse_json(file)
        if not isinstance(frames, list) or not frames:
            found = "an empty one" if frames == [] else kind(frames)
            raise SourceError(file, f"expected a list of frames, found {found}", fix=_FORM)
        poses = [_poses(file, number, frame, world) for number, frame in enumerate(frames, start=1)]
        frame = np.repeat(np.arange(len(poses)), [len(people) for people in poses])
        rows = [_row(file, t + 1, pose, self.layout.num_joints) for t, people in enumerate(poses) for pose in people]
        values = number_rows(rows, 4 * self.layout.num_joints, file, "landmarks of pose")
        values = values.reshape(-1, self.layout.num_joints, 4)
        xyz = self._world(file, values[..., :3]) if world else values[..., :2]
        people = People(len(frames), frame, xyz, values[..., 3], np.full(len(frame), -1))
        return [self.clip(source, people)]

    def _world(self, file: RawFile, xyz: np.ndarray) -> np.ndarray:
        """World landmarks along the layout's axes."""
        origin = np.linalg.norm(xyz[:, self.layout.indices(self.layout.origin)].mean(axis=1), axis=1)
        if len(xyz) and np.median(origin) > _FARTHEST_ORIGIN:
            problem = f"expected the middle of the hips at 0, found it {np.median(origin):.2f} away"
            raise SourceError(file, problem, fix="these are no world landmarks; write pose_world_landmarks")
        return xyz @ _AXES[self.layout.up].T.astype(np.float32)


def _poses(file: RawFile, number: int, frame: object, world: bool) -> list[list[Any]]:
    """Poses of a frame, each a list of landmarks."""
    if isinstance(frame, dict):
        frame = _landmarks(file, number, frame, world)
    if not frame:
        return []
    if not isinstance(frame, list):
        raise SourceError(file, f"expected landmarks in frame {number}, found {kind(frame)}", fix=_FORM)
    poses = [frame] if isinstance(frame[0], dict) else frame
    if wrong := [pose for pose in poses if not isinstance(pose, list)]:
        raise SourceError(file, f"expected a list of landmarks in frame {number}, found {kind(wrong[0])}", fix=_FORM)
    return [pose for pose in poses if pose]


def _landmarks(file: RawFile, number: int, frame: dict[str, Any], world: bool) -> object:
    """Landmarks of the wanted kind; None where nobody was found."""
    wanted, others = (_WORLD, _IMAGE) if world else (_IMAGE, _WORLD)
    found = next((frame[key] for key in wanted if key in frame), None)
    if not found and any(frame.get(key) for key in others):
        unit = "metres" if world else "parts of the picture"
        problem = f"frame {number} has no {wanted[0]}, but the layout is in {unit}"
        fix = f"write {wanted[0]}, or give a --layout for what there is"
        raise SourceError(file, problem, fix=fix)
    if frame and not any(key in frame for key in (*wanted, *others)):
        problem = f"expected {wanted[0]} in frame {number}, found {', '.join(list(frame)[:5])}"
        raise SourceError(file, problem, fix=_FORM)
    return found


def _row(file: RawFile, number: int, pose: list[Any], num_joints: int) -> list[Any]:
    """x, y, z and visibility of the landmarks one after another."""
    if len(pose) != num_joints:
        problem = f"expected {num_joints} landmarks in frame {number}, found {len(pose)}"
        raise SourceError(file, problem, fix="give the --layout that fits them, or write all of them")
    try:
        return [value for mark in pose for value in (mark["x"], mark["y"], mark["z"], _visibility(mark))]
    except (AttributeError, KeyError, TypeError) as error:
        raise SourceError(file, f"expected landmarks with x, y and z in frame {number}", fix=_FORM) from error


def _visibility(mark: dict[str, Any]) -> object:
    visibility = mark.get("visibility")
    return 1.0 if visibility is None else visibility
