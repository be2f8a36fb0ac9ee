import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import realdata_path
from kineme.clips import Clip
from kineme.datasets.prepare import prepare
from kineme.errors import LayoutError, SourceError
from kineme.importers.pyskl import PySKL

NTU = "S002C003P008R001A050"


def keypoint(*shape: int) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) % 97 + 1).astype(np.float16)


def planar(name: str = "walk", **changes: Any) -> dict[str, Any]:
    """A 2D annotation of one body in two frames of a picture 200 wide and 100 high."""
    found = {"keypoint": keypoint(1, 2, 17, 2), "keypoint_score": np.full((1, 2, 17), 0.5, np.float16)}
    about = {"frame_dir": name, "label": 1, "total_frames": 2, "img_shape": (100, 200), "original_shape": (100, 200)}
    return {**about, **found, **changes}


def spatial(name: str = NTU, **changes: Any) -> dict[str, Any]:
    return {"frame_dir": name, "label": 49, "total_frames": 3, "keypoint": keypoint(2, 3, 25, 3) / 64, **changes}


def written(folder: Path, content: object, name: str = "annotations.pkl") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    return file


def read(file: Path, layout: str = "coco17", **options: Any) -> list[Clip]:
    importer = PySKL(path=file, joints=layout, **options)
    return [clip for source in importer.find(file) for clip in importer.read(source)]


def test_2d_annotations_are_parts_of_the_picture(tmp_path: Path) -> None:
    annotation = planar()
    (clip,) = read(written(tmp_path, [annotation]))
    np.testing.assert_array_equal(
        clip.xyz, annotation["keypoint"].astype(np.float32) / np.array([200, 100], np.float32)
    )
    assert clip.confidence is not None
    assert (clip.confidence == 0.5).all()
    assert (clip.id, clip.label, clip.subject, clip.xyz.dtype) == ("walk", 1, -1, np.float32)


def test_3d_annotations_stay_in_metres_and_ntu_names_tell(tmp_path: Path) -> None:
    annotation = spatial()
    (clip,) = read(written(tmp_path, {"split": {}, "annotations": [annotation]}), "kinect25", fps=30)
    np.testing.assert_array_equal(clip.xyz, annotation["keypoint"])
    assert clip.confidence is None
    assert (clip.setup, clip.camera, clip.subject, clip.replication, clip.fps) == (2, 3, 8, 1, 30)


def test_who_was_not_found_is_absent(tmp_path: Path) -> None:
    found, score = keypoint(2, 3, 17, 2), np.ones((2, 3, 17), np.float16)
    found[1, 0], score[0, 2], score[0, 0, 5] = 0, 0, 0
    (clip,) = read(written(tmp_path, [planar(keypoint=found, keypoint_score=score)]))
    assert clip.present.tolist() == [[True, True, False], [False, True, True]]
    assert not clip.xyz[~clip.present].any()
    assert not clip.xyz[0, 0, 5].any()


def test_picture_size_is_asked_for_and_taken(tmp_path: Path) -> None:
    annotation = planar()
    del annotation["img_shape"]
    file = written(tmp_path, [annotation])
    with pytest.raises(SourceError, match=r"picture of unknown size.*--image-size 1920 1080"):
        read(file)
    (clip,) = read(file, image_size=(200, 100))
    np.testing.assert_array_equal(
        clip.xyz, annotation["keypoint"].astype(np.float32) / np.array([200, 100], np.float32)
    )


def test_store_has_classes_and_splits_of_the_file(tmp_path: Path) -> None:
    names = ["a", "b", "c", NTU]
    split = {"xsub_train": names[:2], "xsub_val": names[2:], "train1": ["a"], "test1": ["b"], "test2": ["c"]}
    annotations = [planar(name, label=label) for label, name in enumerate(names)]
    written(tmp_path, {"split": split, "annotations": annotations}, "ntu.pickle")
    store, report = prepare(PySKL(path=tmp_path, joints="coco17"), tmp_path, tmp_path / "store")
    assert report.ok
    assert store.classes == ("0", "1", "2", "3")
    assert store.ids.tolist() == sorted(names)
    assert {name: tuple(map(list, sides)) for name, sides in store.splits.items()} == {
        "xsub": (["a", "b"], ["c", NTU]),
        "own1": (["a"], ["b"]),
    }


def test_one_bad_annotation_spoils_no_other(tmp_path: Path) -> None:
    written(tmp_path, [planar("a"), planar("b", keypoint=keypoint(1, 2, 18, 2), keypoint_score=None)])
    written(tmp_path, b"no pickle", "other.pkl")
    store, report = prepare(PySKL(path=tmp_path, joints="coco17"), tmp_path, tmp_path / "store")
    assert store.ids.tolist() == ["a"]
    assert [finding.path for finding in report.problems] == ["annotations.pkl", "other.pkl"]
    assert "b has 18 joints, layout coco17 17" in report.problems[0].problem


def test_labels_may_be_unknown(tmp_path: Path) -> None:
    (clip,) = read(written(tmp_path, [planar(label=-1)]))
    assert clip.label is None


@pytest.mark.parametrize(("annotation", "built_in"), [(planar(), "coco17"), (spatial(), "kinect25, openpose25")])
def test_layout_is_not_guessed(tmp_path: Path, annotation: dict[str, Any], built_in: str) -> None:
    V, C = annotation["keypoint"].shape[2:]
    with pytest.raises(LayoutError, match=f"what its {V} joints of {C} coordinates are.*: {built_in}, or"):
        read(written(tmp_path, [annotation]), "")


@pytest.mark.realdata
def test_real_compact_file_is_explained() -> None:
    with pytest.raises(SourceError, match=r"expected frame_dir, label and keypoint.*compact Kinetics form is not read"):
        read(realdata_path("samples/pyskl/mmaction_sample.pkl"))


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in planar().items() if name != key}


MISTAKES: dict[str, tuple[object, str]] = {
    "no pickle": (b"hello", "not a whole pickle"),
    "number": (7, "expected a list of annotations, .* found int"),
    "array": (np.zeros(3), r"expected a list of annotations, .* found \(3,\) of float64"),
    "no annotations": ({"annotations": []}, "expected a list of annotations"),
    "no dict": ([7], "in annotation 1, found int"),
    "no label": ([planar("a"), without("label")], "in annotation 2, found frame_dir, total_frames"),
    "compact": ([{"frame_dir": "a", "label": 1, "frame_inds": []}], "compact Kinetics form is not read"),
    "number as name": ([planar(frame_dir=3)], "frame_dir of annotation 1 is no name"),
    "line as name": ([planar(frame_dir="a\nb")], "frame_dir of annotation 1 is no name"),
    "twice": ([planar("a"), planar("b"), planar("b")], "frame_dir b occurs 2 times"),
    "several labels": ([planar(label=[1, 2])], "number of one class as label of walk, found list"),
    "label of many digits": ([planar(label=10**6000)], "label of walk, found int"),
    "label out of range": ([planar(label=10**30)], "label of walk, found 1000"),
    "split": ({"split": ["a"], "annotations": [planar()]}, "split as a dict of lists"),
    "split of numbers": ({"split": {"x_train": [1]}, "annotations": [planar()]}, "split as a dict of lists"),
    "key points as list": ([planar(keypoint=[[1], [1, 2]])], "expected keypoint of walk as .* found list"),
    "objects": ([planar(keypoint=np.array([None]))], r"found \(1,\) of object"),
    "text": ([planar(keypoint=np.array(["a"]))], r"found \(1,\) of <U1"),
    "without bodies": ([planar(keypoint=keypoint(2, 17, 2))], r"expected keypoint .* found \(2, 17, 2\)"),
    "no frame": ([planar(keypoint=keypoint(1, 0, 17, 2))], r"found \(1, 0, 17, 2\)"),
    "NaN": ([planar(keypoint=np.full((1, 2, 17, 2), np.nan))], "finite numbers"),
    "beyond float32": ([planar(keypoint=np.full((1, 2, 17, 2), 1e300))], "finite numbers"),
    "other scores": ([planar(keypoint_score=np.ones((1, 2, 18)))], r"keypoint_score of walk as \(1, 2, 17\)"),
    "other joints": ([spatial()], "25 joints, layout coco17 17.*built in with 25 joints: kinect25"),
    "three coordinates": ([planar(keypoint=keypoint(1, 2, 17, 3))], "three coordinates, but layout coco17 is one of"),
    "size": ([planar(img_shape=(0, 0))], r"height of the picture in pixels, found \[0, 0\]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    content, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(written(tmp_path, content))
    assert "annotations.pkl" in caught.value.path
    assert caught.value.fix


def test_layout_in_metres_is_none_of_a_picture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="places in a picture, but layout kinect25 is in m"):
        read(written(tmp_path, [planar(keypoint=keypoint(1, 2, 25, 2), keypoint_score=None)]), "kinect25")


DATA = pickle.dumps({"split": {"x_train": ["walk"]}, "annotations": [planar()]})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(written(tmp_path_factory.mktemp("cut"), DATA[:cut]))
