import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export_stores import kinect25_store
from fake import small_store
from kineme.datasets.prepare import prepare
from kineme.exporters import exporters
from kineme.importers import importers
from kineme.splits import get_split
from kineme.store import SkeletonStore


def exported(store: SkeletonStore, split: str, tmp_path: Path) -> dict[str, Any]:
    (file,) = exporters.get("pyskl")(store, split, tmp_path / "clips.pkl")
    return pickle.loads(file.read_bytes())


@pytest.mark.parametrize("store", [small_store(), kinect25_store()])
def test_what_is_read_back_is_the_store(store: SkeletonStore, tmp_path: Path) -> None:
    content = exported(store, "nucla-xview", tmp_path)
    train, test = get_split(store, "nucla-xview")
    assert content["split"] == {
        "nucla-xview_train": store.ids[train].tolist(),
        "nucla-xview_val": store.ids[test].tolist(),
    }
    assert type(content["annotations"]) is list
    for i, annotation in enumerate(content["annotations"]):
        clip = store[i]
        keypoint = annotation.pop("keypoint")
        assert annotation == {"frame_dir": clip.id, "label": clip.label, "total_frames": clip.xyz.shape[1]}
        assert keypoint.dtype == np.float16
        np.testing.assert_array_equal(keypoint, clip.xyz.astype(np.float16))
    assert len(content["annotations"]) == len(store)


def test_split_is_called_as_the_field_does(tmp_path: Path) -> None:
    content = exported(kinect25_store(dataset="ntu60"), "ntu60-xsub", tmp_path)
    assert sorted(content["split"]) == ["xsub_train", "xsub_val"]


def pictures(folder: Path) -> SkeletonStore:
    """Clips of pictures with confidences, on disk."""
    rng = np.random.default_rng(0)
    store = SkeletonStore.from_arrays(
        [rng.uniform(0.1, 1, size=(6, 17, 2)) for _ in range(3)],
        "coco17",
        labels=[0, 1, 0],
        camera=[1, 2, 3],
        confidence=[rng.uniform(0.1, 1, size=(6, 17)) for _ in range(3)],
    )
    store.save(folder / "pictures.store")
    return SkeletonStore.open(folder / "pictures.store")


def test_confidences_become_scores(tmp_path: Path) -> None:
    store = pictures(tmp_path)
    for i, annotation in enumerate(exported(store, "nucla-xview", tmp_path)["annotations"]):
        assert annotation["keypoint"].shape == (1, 6, 17, 2)
        assert (annotation["keypoint_score"].dtype, annotation["img_shape"]) == (np.float16, (1, 1))
        assert type(annotation["keypoint_score"]) is np.ndarray
        np.testing.assert_array_equal(annotation["keypoint_score"], np.float16(store[i].confidence))


def test_our_own_reader_agrees(tmp_path: Path) -> None:
    store, folder = kinect25_store(), tmp_path / "raw"
    exporters.get("pyskl")(store, "nucla-xview", folder / "clips.pkl")
    again, report = prepare(importers.get("pyskl")(path=folder, joints="kinect25"), folder, tmp_path / "store")
    assert report.ok
    assert again.labels.tolist() == store.labels.tolist()
    for i in range(len(store)):
        np.testing.assert_array_equal(again[i].xyz, store[i].xyz.astype(np.float16))
    for ours, theirs in zip(get_split(store, "nucla-xview"), get_split(again, "nucla-xview"), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_our_own_reader_agrees_about_pictures(tmp_path: Path) -> None:
    store = pictures(tmp_path)
    (file,) = exporters.get("pyskl")(store, "nucla-xview", tmp_path / "clips.pkl")
    again, report = prepare(importers.get("pyskl")(path=file, joints="coco17"), file, tmp_path / "again.store")
    assert (report.ok, report.notes) == (True, [])
    for i in range(len(store)):
        np.testing.assert_array_equal(again[i].xyz, store[i].xyz.astype(np.float16))
