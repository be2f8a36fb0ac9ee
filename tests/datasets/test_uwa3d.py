import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets import datasets
from kineme.datasets.base import SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import ConfigError, SourceError
from kineme.splits import get_split
from raw import read_one
from uwa_files import write_mat

NAME = "a08_s03_e02_v04.mat"
ARRAY = np.random.default_rng(0).normal(size=(7, 45))


def test_clip_of_a_file(tmp_path: Path) -> None:
    clip = read_one(datasets.get("uwa3d")(), write_mat(tmp_path / NAME, ARRAY))
    assert (clip.id, clip.label, clip.subject, clip.replication, clip.camera) == ("a08_s03_e02_v04", 7, 3, 2, 4)
    assert clip.xyz.shape == (1, 7, 15, 3)
    np.testing.assert_array_equal(clip.xyz[0, 5, 2], ARRAY[5, 6:9].astype(np.float32))
    assert clip.present.all()


@pytest.mark.parametrize("array", [ARRAY.T, ARRAY.reshape(7, 15, 3)], ids=["transposed", "joints apart"])
def test_other_shapes_of_the_same(tmp_path: Path, array: np.ndarray) -> None:
    clip = read_one(datasets.get("uwa3d")(), write_mat(tmp_path / NAME, array))
    np.testing.assert_array_equal(clip.xyz.reshape(7, 45), ARRAY.astype(np.float32))


def test_45_frames_are_read_as_hdf5_gives_them(tmp_path: Path) -> None:
    array = np.random.default_rng(1).normal(size=(45, 45))
    clip = read_one(datasets.get("uwa3d")(), write_mat(tmp_path / NAME, array))
    np.testing.assert_array_equal(clip.xyz.reshape(45, 45), array.astype(np.float32))


def test_frames_without_a_body_are_absent(tmp_path: Path) -> None:
    array = ARRAY.copy()
    array[2, 11] = np.nan
    array[3, 0] = 1e39
    array[5] = 0
    with pytest.warns(SourceWarning, match="NaN or infinity in 2 of 7 frames, which are taken as absent"):
        clip = read_one(datasets.get("uwa3d")(), write_mat(tmp_path / NAME, array))
    assert clip.present.tolist() == [[True, True, False, False, True, False, True]]
    assert not clip.xyz[~clip.present].any()


def test_views_give_the_field_its_cells(tmp_path: Path) -> None:
    for view in (1, 2, 3, 4):
        write_mat(tmp_path / f"raw/ActionsSkeleton/a30_s10_e{view:02d}_v{view:02d}.mat", ARRAY)
    store, report = prepare(datasets.get("uwa3d")(), tmp_path / "raw", tmp_path / "out")
    assert report.ok
    train, test = get_split(store, "uwa3d-v24-v3")
    assert store.clips["camera"][train].tolist() == [2, 4]
    assert store.clips["camera"][test].tolist() == [3]


MISTAKES: dict[str, tuple[np.ndarray, str, str]] = {
    "other variable": (ARRAY, "B", "not a MATLAB v7.3 file with an array A"),
    "group": (ARRAY, "A/x", "expected A as numbers"),
    "20 joints": (np.ones((7, 60)), "A", r"shape \(frames, 45\), found float64 \(7, 60\)"),
    "no frames": (np.ones((0, 45)), "A", r"found float64 \(0, 45\)"),
    "single number": (np.ones(()), "A", r"found float64 \(\)"),
    "row": (np.ones(45), "A", r"found float64 \(45,\)"),
    "text": (np.full((7, 45), b"x"), "A", r"found \|S1 \(7, 45\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    array, variable, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read_one(datasets.get("uwa3d")(), write_mat(tmp_path / NAME, array, variable))
    assert NAME in caught.value.path
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "problem"), [("a1_s1.mat", "a name like a01"), ("a31_s01_e01_v01.mat", "action 31 does not exist")]
)
def test_name_out_of_grammar(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read_one(datasets.get("uwa3d")(), write_mat(tmp_path / name, ARRAY))


def test_without_h5py_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_mat(tmp_path / NAME, ARRAY)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"pip install 'kineme\[hdf5\]'"):
        read_one(datasets.get("uwa3d")(), file)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_cut_anywhere_is_our_error_or_the_same_clip(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    file = write_mat(tmp_path_factory.mktemp("cut") / NAME, ARRAY)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    try:
        clip = read_one(datasets.get("uwa3d")(), file)
    except SourceError:
        return
    np.testing.assert_array_equal(clip.xyz.reshape(7, 45), ARRAY.astype(np.float32))
