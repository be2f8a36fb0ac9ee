from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.splits import get_split
from raw import read_one, source_of

DATASET = datasets.get("msraction3d")()
NAME = "a13_s09_e02_skeleton3D"
FRAMES = np.random.default_rng(0).uniform(0.1, 1, size=(3, 20, 4)).round(6)


def text(frames: np.ndarray) -> str:
    return "".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in frames.reshape(-1, 4))


def written(folder: Path, data: str, name: str = NAME) -> Path:
    file = folder / f"{name}.txt"
    file.write_text(data)
    return file


def read(file: Path) -> Clip:
    (source,) = DATASET.find(file.parent)
    return read_one(DATASET, source)


def test_clip_of_a_file(tmp_path: Path) -> None:
    clip = read(written(tmp_path, text(FRAMES)))
    assert (clip.id, clip.label, clip.subject, clip.replication, clip.fps) == ("a13_s09_e02", 12, 9, 2, 15)
    np.testing.assert_array_equal(clip.xyz[0], FRAMES[..., :3].astype(np.float32))
    assert clip.present.all()


def test_joint_of_zeros_stays_and_frame_of_zeros_is_absent(tmp_path: Path) -> None:
    frames = FRAMES.copy()
    frames[0, 5, :3] = 0
    frames[1, :, :3] = 0
    clip = read(written(tmp_path, text(frames)))
    assert clip.present.tolist() == [[True, False, True]]
    lost = np.argwhere(~clip.xyz[0].any(axis=2))
    assert lost.tolist() == [[0, 5], *([1, joint] for joint in range(20))]


def test_prepared_store_leaves_out_what_holds_nobody(tmp_path: Path) -> None:
    for subject in (1, 2, 3):
        written(tmp_path, text(FRAMES), f"a01_s{subject:02d}_e01_skeleton3D")
    written(tmp_path, text(0 * FRAMES))
    written(tmp_path, "", "a01_s01_e01_skeleton")  # the same in the picture, not ours
    store, report = prepare(DATASET, tmp_path, tmp_path / "store")
    assert [finding.problem for finding in report.problems] == ["clip a13_s09_e02: no body in any frame"]
    assert store.ids.tolist() == ["a01_s01_e01", "a01_s02_e01", "a01_s03_e01"]
    assert [side.tolist() for side in get_split(store, "odd-even-subjects")] == [[0, 2], [1]]


@pytest.mark.realdata
def test_real_file_equals_an_independent_reading() -> None:
    other = load_npz(realdata_path("msraction3d.npz"))
    (source,) = DATASET.find(realdata_path("samples/msr"))
    clip, i = read_one(DATASET, source), other["name"].tolist().index(source.id)
    np.testing.assert_array_equal(clip.xyz[0], other["data"][other["offsets"][i] : other["offsets"][i + 1]])
    found = (clip.label, clip.subject, clip.replication)
    assert found == tuple(int(other[key][i]) for key in ("label", "subject", "trial"))
    assert list(DATASET.classes) == other["classes"].tolist()


LINES = text(FRAMES).splitlines(keepends=True)
MISTAKES = {
    "empty": ("", None, "the file is empty"),
    "frame cut": ("".join(LINES[:47]), 47, "ends within frame 3, after 7 of 20 joints"),
    "line cut": ("".join(LINES[:19]) + "0.1 0.2", 20, "expected 4 numbers, found 2"),
    "text": ("".join(LINES[:5]) + "0.1 0.2 x 1\n", 6, "found 'x'"),
    "NaN": ("".join(LINES[:5]) + "0.1 nan 0.2 1\n", 6, "found 'nan'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str, tmp_path: Path) -> None:
    data, line, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        DATASET.read(source_of(written(tmp_path, data)))
    assert NAME in caught.value.path
    assert caught.value.line == line
    assert caught.value.fix


@pytest.mark.parametrize(("name", "problem"), [("store", "name like a01"), ("a21_s01_e01_skeleton3D", "action 21")])
def test_name_out_of_grammar(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=problem):
        DATASET.read(source_of(written(tmp_path, text(FRAMES), name)))


@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
@given(st.integers(0, len(text(FRAMES)) - 1))
def test_cut_anywhere_leaves_whole_frames_or_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    source = source_of(written(tmp_path_factory.mktemp("cut"), text(FRAMES)[:cut]))
    try:
        (clip,) = DATASET.read(source)
    except SourceError:
        return
    np.testing.assert_array_equal(clip.xyz[0], FRAMES[: clip.xyz.shape[1], :, :3].astype(np.float32))
