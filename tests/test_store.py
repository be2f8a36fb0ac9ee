"""Stores: what goes in comes out, and what cannot be a store says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.errors import ClipError, DuplicateClipError, LayoutMismatchError, StoreError, UnknownNameError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from ragged import EXTENTS, ragged_arrays, ragged_store


def clip(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape or (4, 20, 3)).astype(np.float32)


def changed(**at: Any) -> np.ndarray:
    """A clip with one value set at (frame, joint, coordinate)."""
    array = clip()
    array[at["where"]] = at["value"]
    return array


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), EXTENTS)
def test_from_arrays_gives_the_clips_back(seed: int, extents: list[tuple[int, int]]) -> None:
    arrays = ragged_arrays(seed, extents)
    store = SkeletonStore.from_arrays(arrays, "kinect20")
    assert len(store) == len(arrays)
    assert store.max_bodies == max(bodies for bodies, _ in extents)
    for i, array in enumerate(arrays):
        absent = np.isnan(array).all(axis=(2, 3))
        np.testing.assert_array_equal(store[i].present, ~absent)
        np.testing.assert_array_equal(store[i].xyz, np.nan_to_num(array))


def test_saved_and_opened(tmp_path: Path) -> None:
    store = SkeletonStore.from_arrays(
        ragged_arrays(0, [(1, 9), (3, 4), (2, 7)]),
        "kinect20",
        labels=["wave", "sit", "wave"],
        ids=["a", "longer-id", "ü"],
        fps=30,
        provenance={"source": "a test"},
        subject=[5, 6, 7],
        camera=[1, 2, 3],
    )
    saved = store.save(tmp_path / "store")
    assert (saved.path, saved.classes, saved.provenance) == (tmp_path / "store", ("sit", "wave"), {"source": "a test"})
    assert saved.layout == store.layout
    assert saved.labels.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(saved.clips, store.clips)
    for i in range(3):
        ours, theirs = store[i], saved[i]
        np.testing.assert_array_equal(ours.xyz, theirs.xyz)
        np.testing.assert_array_equal(ours.present, theirs.present)
    last = saved[2]
    assert (last.id, last.label, last.subject, last.camera, last.setup, last.fps) == ("ü", 1, 7, 3, -1, 30.0)
    assert sorted(file.name for file in (tmp_path / "store").iterdir()) == [
        "clips.npy",
        "present.npy",
        "store.json",
        "xyz.npy",
    ]


def test_gather_batches_metadata() -> None:
    store = SkeletonStore.from_arrays(ragged_arrays(0, [(1, 9), (3, 4)]), "kinect20", labels=[0, 2])
    clips = store.gather(np.array([1, 0, 1]))
    assert (clips.label.tolist(), clips.index.tolist()) == ([2, 0, 2], [1, 0, 1])
    assert store.classes == ("0", "1", "2")
    unlabelled = ragged_store(0, [(1, 3)])
    assert (unlabelled.gather([0]).label.tolist(), unlabelled[0].label, unlabelled.classes) == ([-1], None, ())


def test_to_a_device_copies_coordinates_only() -> None:
    store = ragged_store(0, [(2, 4)])
    elsewhere = store.to("meta")
    assert elsewhere.device == torch.device("meta")
    assert elsewhere.clips is store.clips
    assert store.to("cpu").gather([0]).pad().xyz.equal(store.gather([0]).pad().xyz)


def test_an_open_store_cannot_change_its_files(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = ragged_store(0, [(1, 4)]).save(path)
    before = (path / "xyz.npy").read_bytes()
    store[0].xyz[:] = 0
    del store
    assert (path / "xyz.npy").read_bytes() == before


def test_two_coordinates(tmp_path: Path) -> None:
    store = ragged_store(0, [(1, 4)], "coco17", channels=2).save(tmp_path / "store")
    assert (store.channels, store[0].xyz.shape) == (2, (1, 4, 17, 2))


@pytest.mark.parametrize(
    ("arrays", "options", "error", "message"),
    [
        (
            [clip(4, 25, 3)],
            {},
            ClipError,
            "clip00000: layout kinect20 has 20 joints, the clip has 25; .*kineme layouts",
        ),
        ([changed(where=(2, 3, 1), value=np.nan)], {}, ClipError, "clip00000: NaN .*body 0, frame 2, joint .*; repair"),
        ([clip(), changed(where=(1, 0, 0), value=np.inf)], {}, ClipError, "clip00001: NaN or infinity at .*frame 1"),
        ([np.full((4, 20, 3), np.nan)], {}, ClipError, "clip00000: no body in any frame"),
        ([np.zeros((4, 20, 3))], {}, ClipError, "clip00000: every coordinate is zero"),
        ([clip(0, 20, 3)], {}, ClipError, "clip00000: no body in any frame"),
        ([clip()], {"labels": [5], "classes": ["a"]}, ClipError, "label 5 is out of range, there are 1 classes"),
        ([clip()], {"labels": [-1], "classes": ["a"]}, ClipError, "label -1 is out of range"),
        ([clip()], {"labels": ["b"], "classes": ["a"]}, ClipError, r"labels \['b'\] are not among the classes"),
        ([clip(1, 2, 4, 20, 3)], {}, ClipError, r"\(T, V, C\) or \(M, T, V, C\), found .*shape \(1, 2, 4, 20, 3\)"),
        ([clip(4, 20, 4)], {}, ClipError, "clip00000: expected .*2 or 3 coordinates"),
        ([clip(), clip(4, 20, 2)], {}, ClipError, "clip00001: 2 coordinates, the store has 3"),
        ([clip(), clip()], {"ids": ["a", "a"]}, DuplicateClipError, "clip a is in the store already"),
        ([clip()], {"layout": "kinect"}, UnknownNameError, "unknown layout 'kinect'; perhaps you meant kinect2"),
        ([], {}, StoreError, "at least one clip"),
    ],
)
def test_refused_clips(arrays: list[np.ndarray], options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SkeletonStore.from_arrays(arrays, **{"layout": "kinect20", **options})


def rewrite(key: str, value: object) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        meta = json.loads((path / "store.json").read_text())
        (path / "store.json").write_text(json.dumps({**meta, key: value}))

    return damage


def cut(name: str) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: len(content) // 2])

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "store.json").unlink(), "no skeleton store here; make one with: kineme data prepare"),
        (lambda path: (path / "store.json").write_text('{"a": 1}'), "not of a kineme-store"),
        (lambda path: (path / "store.json").write_text("[]"), "not of a kineme-store"),
        (lambda path: (path / "store.json").write_text('{"format": "kineme-store", "version": 1}'), "prepare it again"),
        (cut("store.json"), "not JSON"),
        (rewrite("version", 99), "version 99, this kineme reads 1"),
        (rewrite("num_clips", 7), "promises 7 clips"),
        (lambda path: (path / "xyz.npy").unlink(), "damaged store .*prepare it again"),
        (cut("xyz.npy"), "damaged store"),
        (cut("clips.npy"), "damaged store"),
        (lambda path: (path / "present.npy").write_bytes(b"nonsense"), "damaged store"),
        (lambda path: np.save(path / "xyz.npy", np.zeros((13, 25, 3), np.float32)), "prepare it again"),
        (lambda path: np.save(path / "xyz.npy", np.zeros(13, np.float32)), "prepare it again"),
    ],
)
def test_damaged_stores(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "store"
    ragged_store(0, [(1, 9), (2, 2)]).save(path)
    damage(path)
    with pytest.raises(StoreError, match=message):
        SkeletonStore.open(path)


def test_missing_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no skeleton store here"):
        SkeletonStore.open(tmp_path / "nowhere")


def test_save_does_not_overwrite(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("mine")
    with pytest.raises(StoreError, match="exists; choose another"):
        ragged_store(0, [(1, 4)]).save(tmp_path / "store")
    assert (tmp_path / "store").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_layout_mismatch_names_the_remedy() -> None:
    store = ragged_store(0, [(1, 4)])
    store.require_layout(Layout.get("kinect20"))
    with pytest.raises(
        LayoutMismatchError, match=r"20 joints \(kinect20\).*25 \(kinect25\); convert with: kineme data"
    ):
        store.require_layout(Layout.get("kinect25"))
