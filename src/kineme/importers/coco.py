"""COCO key points as JSON, one file per recording: a list of results, or an annotation file.

    [{"image_id": 12, "keypoints": [x0, y0, c0, x1, y1, c1, ...], "score": 0.9}, ...]

    {"images": [{"id": 12, "file_name": "000012.jpg", "width": 1920, "height": 1080}, ...],
     "annotations": [{"image_id": 12, "keypoints": [...], "track_id": 1}, ...],
     "categories": [{"name": "person", "keypoints": ["nose", "left_eye", ...]}]}

Coordinates are pixels. The third number is a confidence, or in annotations 0 for a joint that is not labelled, 1 for
a hidden and 2 for a visible one.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.json_files import kind, number_rows, parse_json, records
from kineme.datasets.people import People
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.joints import match_joints
from kineme.importers.people_importer import PeopleImporter
from kineme.importers.pictures import PictureSize, picture_size, require_picture

Person = dict[str, Any]
"""A result or an annotation."""

_NUMBER = re.compile(r"(\d{1,18})")
_MOST_MISSING = 10  # frames for each image
_MOST_SURE = 1e6
_FOREIGN = "name what a pose estimator wrote, or an annotation file of one video"


@importers.register("coco")
@dataclass(frozen=True)
class COCO(PeopleImporter):
    """COCO key points: one JSON file per recording, results of a pose estimator or annotations.

    Source: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.

    Args:
        image_size: width and height of the picture in pixels, where the file does not say.
        bodies: people kept per frame, the surest.
    """

    image_size: PictureSize = None

    name = "coco"
    layout_name = "coco17"
    suffix = ".json"
    example = "walk.json"

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        file = source.file
        require_picture(self.layout, file)
        content = parse_json(file)
        if isinstance(content, dict):
            found = _with_keypoints(content.get("annotations"), file, "annotations")
            frames, size = _frames_of_images(content.get("images"), file, self.image_size)
        else:
            found = _with_keypoints(content, file, "results")
            frames, size = _frames_of_results(found, file), picture_size(self.image_size, file)
        frame = np.array([_look_up(frames, person["image_id"], file) for person in found], np.int64)
        pose = self._poses(file, content, found)
        people = _people(max(frames.values()) + 1, frame, pose, size, found)
        return [self.clip(source, people)]

    def _poses(self, file: RawFile, content: object, found: list[Person]) -> np.ndarray:
        """(R, V, 3) x, y and confidence in the layout's order of joints."""
        names, layout = _joint_names(content), self.layout
        num_joints = len(names) if names else layout.num_joints
        rows = number_rows([person["keypoints"] for person in found], 3 * num_joints, file, "keypoints of person")
        poses = rows.reshape(-1, num_joints, 3)
        return poses[:, match_joints(names, layout, file)] if names else poses


def _with_keypoints(value: object, file: RawFile, what: str) -> list[Person]:
    """Those people of a list who have key points; each says of which image."""
    people = [person for person in records(value, file, what) if person.get("keypoints")]
    for number, person in enumerate(people, start=1):
        if not isinstance(person.get("image_id"), int | str):
            problem = (
                f"expected a number or a name as image_id of person {number}, found {kind(person.get('image_id'))}"
            )
            raise SourceError(file, problem, fix=_FOREIGN)
    return people


def _people(length: int, frame: np.ndarray, pose: np.ndarray, size: np.ndarray, found: list[Person]) -> People:
    """What was found in order of the frames; ``size`` is the pictures' or that of each frame."""
    order = np.argsort(frame, kind="stable")
    sizes = np.broadcast_to(size, (length, 2))[frame, None]
    scores = [person.get("score") for person in found]
    sure = all(isinstance(score, int | float) and abs(score) < _MOST_SURE for score in scores)
    score = np.array(scores, np.float32)[order] if sure else None
    return People(length, frame[order], (pose[..., :2] / sizes)[order], pose[order, :, 2], _tracks(found)[order], score)


def _tracks(found: list[Person]) -> np.ndarray:
    """(R,) numbers of the tracks, whatever they are called; -1 where there is none."""
    given = [person.get("track_id") for person in found]
    names = [name if isinstance(name, str) or (isinstance(name, int) and name >= 0) else None for name in given]
    numbers = {**{name: number for number, name in enumerate(dict.fromkeys(names))}, None: -1}
    return np.array([numbers[name] for name in names], np.int64)


def _joint_names(content: object) -> list[str]:
    """What the first category with key points calls them; nothing where the file does not say."""
    categories = content.get("categories") if isinstance(content, dict) else None
    for category in categories if isinstance(categories, list) else []:
        names = category.get("keypoints") if isinstance(category, dict) else None
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
    return []


def _frames_of_images(value: object, file: RawFile, image_size: PictureSize) -> tuple[dict[int | str, int], np.ndarray]:
    """Frame of every image id, and (T, 2) sizes; images go by their file names, or else by their ids."""
    images = records(value, file, "images")
    ids: list[Any] = [image.get("id") for image in images]
    if not images or not all(isinstance(id, int | str) for id in ids) or len(set(ids)) < len(ids):
        raise SourceError(file, "expected images with an id each, no two the same", fix=_FOREIGN)
    names = [image.get("file_name") for image in images]
    named = all(isinstance(name, str) for name in names)
    if named and len({PurePosixPath(str(name)).parent for name in names}) > 1:
        raise SourceError(file, "images of several folders", fix="write one file for each recording")
    order = sorted(range(len(images)), key=lambda i: _natural(str(names[i] if named else ids[i])))
    sizes = [picture_size(_size(images[i]) or image_size, file) for i in order]
    return {ids[i]: frame for frame, i in enumerate(order)}, np.stack(sizes)


def _size(image: dict[str, Any]) -> list[Any] | None:
    return [image["width"], image["height"]] if {"width", "height"} <= set(image) else None


def _natural(text: str) -> list[str | int]:
    """Key by which frame2 comes before frame10."""
    return [int(part) if i % 2 else part for i, part in enumerate(_NUMBER.split(text))]


def _frames_of_results(found: list[Person], file: RawFile) -> dict[int | str, int]:
    """Frame of every image id: the number that it is, or in which its name ends."""
    if not found:
        raise SourceError(file, "no results with keypoints", fix="nobody was found: leave it out")
    ids: dict[int | str, int] = {}
    for person in found:
        id = person["image_id"]
        numbers = _NUMBER.findall(PurePosixPath(id).stem) if isinstance(id, str) else [id]
        if not numbers:
            problem = f"expected the number of a frame in image_id, found {id!r:.40}"
            raise SourceError(file, problem, fix="write an object with images and annotations")
        ids[id] = int(numbers[-1])
    first, last = min(ids.values()), max(ids.values())
    if len(set(ids.values())) < len(ids) or last - first + 1 > _MOST_MISSING * len(ids):
        problem = f"image_id {first} to {last} of {len(ids)} images are no numbers of frames"
        raise SourceError(file, problem, fix="write an object with images and annotations, one for each recording")
    return {id: number - first for id, number in ids.items()}


def _look_up(frames: dict[int | str, int], id: int | str, file: RawFile) -> int:
    if id not in frames:
        raise SourceError(file, f"image_id {id!r:.40} is not among the images", fix=_FOREIGN)
    return frames[id]
