import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import Clip
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.importers.coco import COCO
from kineme.layout import Layout

SIZE = (200, 100)
JOINTS = list(Layout.get("coco17").joints)


def person(image: object, place: float = 10, third: float = 0.5, joints: int = 17, **changes: Any) -> dict[str, Any]:
    """A result or an annotation: joints at (place + v, place + 2 v) pixels."""
    values = [value for v in range(joints) for value in (place + v, place + 2 * v, third)]
    return {"image_id": image, "category_id": 1, "keypoints": values, **changes}


def images(*ids: object, **changes: Any) -> list[dict[str, Any]]:
    return [{"id": id, "width": 200, "height": 100, **changes} for id in ids]


def annotated(of: list[Any], *people: object, **changes: Any) -> dict[str, Any]:
    return {"images": of, "annotations": list(people), **changes}


def read(folder: Path, content: object, **options: Any) -> Clip:
    file = folder / "walk.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    importer = COCO(path=file, **options)
    (clip,) = importer.read(importer.find(file)[0])
    return clip


def places(clip: Clip) -> list[list[float | None]]:
    """Pixel x of the nose of each body in each frame; None where it is absent."""
    x = (clip.xyz[:, :, 0, 0] * 200).round(3).tolist()
    return [
        [at if here else None for at, here in zip(*both, strict=True)] for both in zip(x, clip.present, strict=True)
    ]


def test_results_of_a_pose_estimator(tmp_path: Path) -> None:
    clip = read(tmp_path, [person(12, 30, score=0.9), person(11, 10), person(14, 11)], image_size=SIZE, fps=25)
    assert places(clip) == [[10, 30, None, 11]]
    v = np.arange(17)
    np.testing.assert_allclose(clip.xyz[0, 0], np.stack([(10 + v) / 200, (10 + 2 * v) / 100], axis=1), rtol=1e-6)
    assert clip.confidence is not None
    assert set(clip.confidence[0, 0].tolist()) == {0.5}
    assert (clip.id, clip.fps, clip.label) == ("walk", 25, None)


def test_names_of_images_end_in_frame_numbers(tmp_path: Path) -> None:
    people = [person(f"day2/frame_{number}.jpg", number) for number in (10, 9, 12)]
    assert places(read(tmp_path, people, image_size=SIZE)) == [[9, 10, None, 12]]


def test_annotations_take_the_size_of_their_image(tmp_path: Path) -> None:
    content = annotated(images(7, 8, 9), person(9, 20, 2), person(7, 10, 1), {"image_id": 8, "bbox": [1, 2, 3, 4]})
    content["images"][2].update(width=400)
    clip = read(tmp_path, content)
    assert places(clip) == [[10, None, 10]]
    assert clip.confidence is not None
    assert set(clip.confidence.ravel().tolist()) == {0, 1}


def test_images_go_by_file_name(tmp_path: Path) -> None:
    named = [image | {"file_name": f"walk/{name}.png"} for image, name in zip(images(1, 2), ("f10", "f9"), strict=True)]
    assert places(read(tmp_path, annotated(named, person(1, 10), person(2, 9)))) == [[9, 10]]


def test_tracks_give_the_slots(tmp_path: Path) -> None:
    crossing = [person(0, 10, track_id=4), person(0, 60, track_id=9), person(1, 10, track_id=9)]
    assert places(read(tmp_path, annotated(images(0, 1), *crossing))) == [[60, 10], [10, None]]


def test_surest_people_are_kept(tmp_path: Path) -> None:
    people = [person(0, 10 * rank, score=score) for rank, score in enumerate((0.1, 0.9, 0.5), start=1)]
    assert places(read(tmp_path, people, image_size=SIZE)) == [[20], [30]]
    assert places(read(tmp_path, people, image_size=SIZE, bodies=1)) == [[20]]


def test_joints_go_by_the_names_of_the_file(tmp_path: Path) -> None:
    categories = [{"id": 2, "name": "dog"}, {"id": 1, "name": "person", "keypoints": JOINTS[::-1]}]
    clip = read(tmp_path, annotated(images(0), person(0), categories=categories))
    np.testing.assert_allclose(clip.xyz[0, 0, :, 0] * 200, 10 + np.arange(17)[::-1], rtol=1e-6)
    with pytest.raises(SourceError, match="no joint for nose of layout coco17"):
        names = ["snout", *JOINTS[1:]]
        read(tmp_path, annotated(images(0), person(0), categories=[{"keypoints": names}]))


def test_recordings_become_a_store(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    for name in ("walk", "sit"):
        (root / f"{name}.json").write_text(json.dumps(annotated(images(0), person(0))))
    (root / "empty.json").write_text(json.dumps(annotated(images(0))))
    store, report = prepare(COCO(path=root), root, tmp_path / "store")
    assert store.ids.tolist() == ["sit", "walk"]
    assert [finding.problem for finding in report.problems] == ["clip empty: no body in any frame"]


MISTAKES: dict[str, tuple[object, str]] = {
    "no JSON": ("[{", "not JSON"),
    "number": ("7", "expected results as a list, found 7"),
    "no list": ({"images": []}, "expected annotations as a list, found null"),
    "no objects": ([7], "expected results as objects, found 7 at place 1"),
    "nobody": ([], "no results with keypoints"),
    "no image": ([person(None)], "image_id of person 1, found null"),
    "no number": ([person("walk.jpg")], "expected the number of a frame in image_id, found 'walk.jpg'"),
    "no frames": ([person(139), person(581781)], "image_id 139 to 581781 of 2 images are no numbers of frames"),
    "one number": ([person("a1.jpg"), person("b1.jpg")], "no numbers of frames"),
    "18 joints": ([person(0, joints=18)], "expected 51 finite numbers as keypoints of person 1, found 54 values"),
    "text": ([person(0, keypoints=["1"] * 51)], "found 51 values, one of them text"),
    "text for all": ([person(0, keypoints="none")], "keypoints of person 1, found text"),
    "no images": (annotated([], person(0)), "expected images with an id each"),
    "image twice": (annotated(images(0, 0), person(0)), "no two the same"),
    "image without id": (annotated([{"width": 3}], person(0)), "expected images with an id each"),
    "unknown image": (annotated(images(0), person(3)), "image_id 3 is not among the images"),
    "folders": (annotated([*images(0, file_name="a/1"), *images(1, file_name="b/1")]), "images of several folders"),
    "size": (annotated(images(0, width=0), person(0)), r"height of the picture in pixels, found \[0, 100\]"),
    "size as text": (annotated(images(0, width="wide"), person(0)), "found \\['wide', 100\\]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    content, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, content, image_size=SIZE)
    assert "walk.json" in caught.value.path
    assert caught.value.fix


def test_picture_size_is_asked_for(tmp_path: Path) -> None:
    for content in ([person(0)], annotated([{"id": 0}], person(0))):
        with pytest.raises(SourceError, match=r"picture of unknown size.*--image-size"):
            read(tmp_path, content)
    assert places(read(tmp_path, annotated([{"id": 0}], person(0)), image_size=SIZE)) == [[10]]


TEXT = json.dumps(annotated(images(0), person(0)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(tmp_path_factory.mktemp("cut"), TEXT[:cut])
