from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from conftest import load_npz, realdata_path
from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.splits import get_split
from raw import read_one, source_of

DATASET = datasets.get("utd_mhad")()
NAME = "a12_s3_t4_skeleton"
JOINTS = np.random.default_rng(0).normal(size=(20, 3, 5))


def matlab(**variables: Any) -> bytes:
    stream = BytesIO()
    savemat(stream, variables, do_compression=True)
    return stream.getvalue()


def written(folder: Path, data: bytes, name: str = NAME) -> Path:
    file = folder / f"{name}.mat"
    file.write_bytes(data)
    return file


def test_clip_of_a_file(tmp_path: Path) -> None:
    written(tmp_path, matlab(d_skel=JOINTS))
    (source,) = DATASET.find(tmp_path)
    clip = read_one(DATASET, source)
    assert (clip.id, clip.label, clip.subject, clip.replication, clip.fps) == ("a12_s3_t4", 11, 3, 4, 30)
    np.testing.assert_array_equal(clip.xyz[0, 3, 7], JOINTS[7, :, 3].astype(np.float32))
    assert clip.xyz.shape == (1, 5, 20, 3)
    assert clip.present.all()


def test_only_skeletons_are_taken(tmp_path: Path) -> None:
    for name in ("a2_s1_t1_skeleton", "a10_s1_t1_skeleton", "a1_s1_t1_depth", "a1_s1_t1_inertial", "mean_skeleton"):
        written(tmp_path, b"", name)
    assert [source.id for source in DATASET.find(tmp_path)] == ["a10_s1_t1", "a2_s1_t1"]


def test_prepared_store_has_its_split(tmp_path: Path) -> None:
    for subject in (1, 2, 3):
        written(tmp_path, matlab(d_skel=JOINTS), f"a1_s{subject}_t1_skeleton")
    store, report = prepare(DATASET, tmp_path, tmp_path / "store")
    assert report.ok
    assert [side.tolist() for side in get_split(store, "odd-even-subjects")] == [[0, 2], [1]]


@pytest.mark.realdata
def test_real_file_equals_an_independent_reading() -> None:
    other = load_npz(realdata_path("utd_mhad.npz"))
    (source,) = DATASET.find(realdata_path("samples/utd_mhad"))
    clip, i = read_one(DATASET, source), other["name"].tolist().index(source.id)
    np.testing.assert_array_equal(clip.xyz[0], other["data"][other["offsets"][i] : other["offsets"][i + 1]])
    found = (clip.label, clip.subject, clip.replication)
    assert found == tuple(int(other[key][i]) for key in ("label", "subject", "trial"))
    assert list(DATASET.classes) == other["classes"].tolist()


def with_value(value: float) -> np.ndarray:
    joints = JOINTS.copy()
    joints[0, 0, 2] = value
    return joints


MISTAKES = {
    "other format": (b"{}", "cannot be read as a MATLAB 5 file"),
    "other content": (matlab(d_iner=JOINTS), "no variable d_skel"),
    "no frame": (matlab(d_skel=JOINTS[:, :, :0]), "20 joints x 3 x frames, found 20 x 3 x 0"),
    "25 joints": (matlab(d_skel=np.zeros((25, 3, 5))), "20 joints x 3 x frames, found 25 x 3 x 5"),
    "2 axes": (matlab(d_skel=JOINTS[:, :, 0]), "20 joints x 3 x frames, found 20 x 3"),
    "NaN": (matlab(d_skel=with_value(np.nan)), "NaN or infinity in frame 3"),
    "beyond float32": (matlab(d_skel=with_value(-1e39)), "NaN or infinity in frame 3"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str, tmp_path: Path) -> None:
    data, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        DATASET.read(source_of(written(tmp_path, data)))
    assert NAME in caught.value.path
    assert caught.value.fix


@pytest.mark.parametrize(("name", "problem"), [("store", "name like a1_s1"), ("a28_s1_t1_skeleton", "action 28")])
def test_name_out_of_grammar(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=problem):
        DATASET.read(source_of(written(tmp_path, matlab(d_skel=JOINTS), name)))


CONTENT = matlab(d_skel=JOINTS)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(CONTENT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    source = source_of(written(tmp_path_factory.mktemp("cut"), CONTENT[:cut]))
    with pytest.raises(SourceError):
        DATASET.read(source)
