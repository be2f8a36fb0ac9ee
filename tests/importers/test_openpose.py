import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import Clip
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.importers.openpose import OpenPose

SIZE = (200, 100)


def person(place: float = 10, confidence: float = 0.5, joints: int = 18, **changes: Any) -> dict[str, Any]:
    """One of OpenPose's people: 18 joints at (place + v, place + 2 v) pixels."""
    values = [value for v in range(joints) for value in (place + v, place + 2 * v, confidence)]
    return {"person_id": [-1], "pose_keypoints_2d": values, "face_keypoints_2d": [], **changes}


def written(folder: Path, frames: dict[int, Any], name: str = "walk") -> Path:
    folder.mkdir(exist_ok=True)
    for frame, people in frames.items():
        content = {"version": 1.3, "people": people} if isinstance(people, list) else people
        file = folder / f"{name}_{frame:012d}_keypoints.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def read(folder: Path, **options: Any) -> Clip:
    importer = OpenPose(path=folder, **{"image_size": SIZE, **options})
    (source,) = importer.find(folder)
    (clip,) = importer.read(source)
    return clip


def test_pixels_become_parts_of_the_picture(tmp_path: Path) -> None:
    clip = read(written(tmp_path, {0: [person(10)], 1: [person(12)]}), fps=25)
    v = np.arange(18)
    expected = np.stack([[(p + v) / 200, (p + 2 * v) / 100] for p in (10, 12)]).transpose(0, 2, 1)[None]
    np.testing.assert_allclose(clip.xyz, expected, rtol=1e-6)
    assert clip.confidence is not None
    assert (clip.confidence == 0.5).all()
    assert (clip.id, clip.fps, clip.label) == ("walk", 25, None)


def test_normalised_coordinates_stay(tmp_path: Path) -> None:
    values = [value for v in range(18) for value in (v / 20, v / 40, 0.5)]
    clip = read(written(tmp_path, {0: [person(pose_keypoints_2d=values)]}), normalised=True, image_size=None)
    assert clip.xyz[0, 0, 17] == pytest.approx([17 / 20, 17 / 40])


def test_frames_without_file_or_people_are_absent(tmp_path: Path) -> None:
    empty = person(pose_keypoints_2d=[])
    clip = read(written(tmp_path, {3: [person()], 4: [], 6: [person(11)], 7: [empty], 8: [person(confidence=0)]}))
    assert clip.present.tolist() == [[True, False, False, True, False, False]]
    assert not clip.xyz[~clip.present].any()


def test_people_keep_their_slots(tmp_path: Path) -> None:
    near = {0: [person(10), person(60)], 1: [person(59), person(11)]}
    np.testing.assert_allclose(read(written(tmp_path / "near", near)).xyz[:, :, 0, 0] * 200, [[10, 11], [60, 59]])
    ids = {t: [person(10, person_id=[t]), person(60, person_id=[1 - t])] for t in (0, 1)}
    np.testing.assert_allclose(read(written(tmp_path / "ids", ids)).xyz[:, :, 0, 0] * 200, [[10, 60], [60, 10]])


def test_surest_people_are_kept(tmp_path: Path) -> None:
    folder = written(tmp_path, {0: [person(10, 0.1), person(20, 0.9), person(30, 0.5)]})
    assert len(read(folder).xyz) == 2
    np.testing.assert_allclose(read(folder, bodies=1).xyz[:, 0, 0, 0] * 200, [20])


def test_recordings_of_folders_and_archives_become_a_store(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    written(root, {0: [person()], 1: [person()]}, "walk_fast")
    written(root / "sub", {5: [person()]}, "sit")
    (root / "notes.json").write_text("{}")
    with ZipFile(root / "more.zip", "w") as archive:
        for frame in (0, 1, 2):
            archive.writestr(f"wave_{frame:012d}_keypoints.json", json.dumps({"people": [person()]}))
    store, report = prepare(OpenPose(path=root, image_size=SIZE), root, tmp_path / "store")
    assert report.ok
    assert store.ids.tolist() == ["sit", "walk_fast", "wave"]
    assert store.clips["length"].tolist() == [1, 2, 3]
    assert store.layout.name == "openpose18"


def test_picture_size_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"picture of unknown size.*--image-size"):
        read(written(tmp_path, {0: [person()]}), image_size=None)


def test_layout_in_metres_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="places in a picture, but layout mediapipe33 is in m"):
        read(written(tmp_path, {0: [person(joints=33)]}), joints="mediapipe33")


def numbers(value: object) -> list[dict[str, Any]]:
    found = person()
    found["pose_keypoints_2d"][4] = value
    return [person(), found]


MISTAKES: dict[str, tuple[object, str]] = {
    "no JSON": ("{", "not JSON"),
    "nested without end": ("[" * 100_000, "not JSON"),
    "list": ("[]", "expected an object with people, found a list"),
    "keys": ({"bodies": []}, r"expected an object with people, found the keys \['bodies'\]"),
    "people": ({"people": 7}, "expected people as a list, found 7"),
    "person": ([7], "expected people as objects, found 7 at place 1"),
    "BODY_25": (
        [person(joints=25)],
        r"people of 25 key points, but layout openpose18 has 18 joints \(--layout openpose25",
    ),
    "not in threes": ([person(pose_keypoints_2d=[1, 2])], "expected 54 finite numbers .* person 1, found 2 values"),
    "text": (numbers("1"), "of person 2, found 54 values, one of them text"),
    "null": (numbers(None), "of person 2, found 54 values, one of them null"),
    "NaN": (numbers(float("nan")), "of person 2, found 54 values, one of them NaN"),
    "beyond float32": (numbers(1e39), r"one of them 1e\+39"),
    "list in list": (numbers([1]), "one of them a list"),
    "object": ([person(pose_keypoints_2d={"x": 1})], "found an object"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    content, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(written(tmp_path, {0: [person()], 1: content}))
    assert "walk_000000000001_keypoints.json" in caught.value.path
    assert caught.value.fix


def test_frame_numbers_are_checked(tmp_path: Path) -> None:
    folder = written(tmp_path, {0: [person()], 10**11: [person()]})
    with pytest.raises(SourceError, match="frames 0 to 100000000000 of walk, but only 2 files"):
        read(folder)
    twice = written(tmp_path / "twice", {1: [person()]})
    (twice / "walk_1_keypoints.json").write_text("{}")
    with pytest.raises(SourceError, match="same frame number"):
        read(twice)


TEXT = json.dumps({"people": [person()]})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(written(tmp_path_factory.mktemp("cut"), {0: TEXT[:cut]}))
