import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from export_stores import golden_store, kinect25_store
from fake import small_store
from kineme.errors import ClipError
from kineme.exporters import exporters
from kineme.store import SkeletonStore

FILES = ["train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"]


def exported(store: SkeletonStore, split: str, tmp_path: Path) -> dict[str, Any]:
    files = exporters.get("stgcn")(store, split, tmp_path / "arrays")
    assert [file.name for file in files] == FILES
    return {file.stem: np.load(file) if file.suffix == ".npy" else pickle.loads(file.read_bytes()) for file in files}


@pytest.mark.parametrize("file", golden_cases("dataprep/*/aimclr_xsub.npz"))
def test_arrays_equal_those_of_the_scripts(file: Path, tmp_path: Path) -> None:
    ours = exported(golden_store(file.parent, "stgcn", tmp_path), f"{file.parent.name}-xsub", tmp_path)
    golden = load_npz(file)
    for side in ("train", "val"):
        assert ours[f"{side}_label"] == (golden[f"{side}_name"].tolist(), golden[f"{side}_label"].tolist())
        data, expected = ours[f"{side}_data"], golden[f"{side}_data"]
        assert (data.shape, data.dtype) == (expected.shape, expected.dtype)
        assert data.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("store", "bodies"), [(small_store(), 1), (kinect25_store(), 2)])
def test_what_is_read_back_is_the_store(store: SkeletonStore, bodies: int, tmp_path: Path) -> None:
    arrays, index = exported(store, "nucla-xview", tmp_path), {id: i for i, id in enumerate(store.ids.tolist())}
    found = 0
    for side in ("train", "val"):
        names, labels = arrays[f"{side}_label"]
        for name, label, row in zip(names, labels, arrays[f"{side}_data"], strict=True):
            clip = store[index[name.removesuffix(".skeleton")]]
            M, T = clip.present.shape
            assert label == clip.label
            np.testing.assert_array_equal(row[:, :T, :, :M].transpose(3, 1, 2, 0), clip.xyz)
            assert not row[:, T:].any()
            assert not row[..., M:].any()
            found += 1
    assert found == len(store)
    assert store.max_bodies == bodies


def test_rows_go_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    store = SkeletonStore.from_arrays(
        [rng.normal(size=(4, 20, 3)) for _ in range(4)],
        "kinect20",
        labels=[0, 1, 0, 1],
        ids=["d", "b", "a", "c"],
        camera=[1, 2, 1, 3],
    )
    assert exported(store, "nucla-xview", tmp_path)["train_label"] == (
        ["a.skeleton", "b.skeleton", "d.skeleton"],
        [0, 1, 0],
    )


def test_long_clip_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"clip clip00001 has 301 frames, .* 300 .*--preparation stgcn"):
        exporters.get("stgcn")(kinect25_store(lengths=(300, 301, 20)), "nucla-xview", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_video_of_pku_has_no_label(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="has no label"):
        exporters.get("stgcn")(kinect25_store(labelled=False, dataset="pku2"), "pku2-xview", tmp_path / "out")
