from pathlib import Path

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from export_stores import golden_store, kinect25_store
from fake import small_store
from kineme.datasets.ntu_reference import centre_reference
from kineme.exporters import exporters
from kineme.layout import Layout
from kineme.splits import get_split
from kineme.store_convert import convert_store

NAMES = ["x_train", "y_train", "x_test", "y_test"]


def exported(store, split: str, tmp_path: Path) -> dict[str, np.ndarray]:
    (file,) = exporters.get("mamp")(store, split, tmp_path / "arrays.npz")
    return load_npz(file)


@pytest.mark.parametrize("file", [*golden_cases("dataprep/*/NTU*_X*.npz"), *golden_cases("dataprep/*/PKU*_X*.npz")])
def test_arrays_equal_those_of_the_scripts(file: Path, tmp_path: Path) -> None:
    store = golden_store(file.parent, "reference", tmp_path)
    protocol = file.stem.partition("_")[2].lower()
    ours, golden = exported(store, f"{file.parent.name}-{protocol}", tmp_path), load_npz(file)
    assert list(ours) == NAMES
    for name in NAMES:
        assert (ours[name].shape, ours[name].dtype) == (golden[name].shape, golden[name].dtype)
        assert ours[name].tobytes() == golden[name].tobytes(), name


def test_any_other_store_stays_as_it_is(tmp_path: Path) -> None:
    store = small_store()
    arrays = exported(store, "nucla-xview", tmp_path)
    frames = int(store.clips["length"].max())
    for side, index in zip(("train", "test"), get_split(store, "nucla-xview"), strict=True):
        assert arrays[f"x_{side}"].shape == (len(index), frames, 2 * 20 * 3)
        assert arrays[f"y_{side}"].argmax(axis=1).tolist() == store.labels[index].tolist()
        for row, i in zip(arrays[f"x_{side}"].reshape(len(index), frames, 2, 20, 3), index, strict=True):
            clip = store[int(i)]
            np.testing.assert_array_equal(row[: clip.xyz.shape[1], 0], clip.xyz[0])
            assert not row[clip.xyz.shape[1] :].any()
            assert not row[:, 1].any()


def test_ntu60_is_centred_in_order_of_performers(tmp_path: Path) -> None:
    store = kinect25_store(dataset="ntu60")  # performers 1, 2, 3, 4, 1, 2; of these 3 tests
    x = exported(store, "ntu60-xsub", tmp_path)["x_train"].reshape(5, 12, 2, 25, 3)
    for row, i in zip(x, [0, 4, 1, 5, 3], strict=True):
        clip = store[i]
        M, T = clip.present.shape
        np.testing.assert_array_equal(row[:T, :M].swapaxes(0, 1), centre_reference(clip))
        assert not row[:T, M:].any()


def test_ntu120_repeats_a_single_body(tmp_path: Path) -> None:
    x = exported(kinect25_store(dataset="ntu120"), "ntu120-xsub", tmp_path)["x_train"].reshape(5, 12, 2, 25, 3)
    doubled = [np.array_equal(row[:, 0], row[:, 1]) for row in x]
    assert doubled == [True, True, False, False, False]


def test_pku_is_cut_and_padded_to_300_frames(tmp_path: Path) -> None:
    store = kinect25_store(dataset="pku2", lengths=(320, 10, 5))
    arrays = exported(store, "pku2-xview", tmp_path)
    assert arrays["x_train"].shape == (2, 300, 150)
    np.testing.assert_array_equal(arrays["x_train"][0, :, :75].reshape(300, 25, 3), store[0].xyz[0, :300])


def test_other_joints_follow_no_script(tmp_path: Path) -> None:
    store = convert_store(kinect25_store(dataset="ntu60"), Layout.get("kinect20"), tmp_path / "converted")
    x = exported(store, "ntu60-xsub", tmp_path)["x_train"].reshape(5, 12, 2, 20, 3)
    np.testing.assert_array_equal(x[0, :8, 0], store[0].xyz[0])
