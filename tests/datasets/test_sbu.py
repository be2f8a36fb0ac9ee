import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Source, SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.splits import get_split

PLACE = "s02s07/03/002"


def recording(num_frames: int = 3) -> np.ndarray:
    """(T, 2, 15, 3) with five significant digits, as the files have them."""
    xyz = np.random.default_rng(0).uniform(0.1, 2.0, (num_frames, 2, 15, 3))
    return np.array([f"{value:.5g}" for value in xyz.flat], np.float32).reshape(xyz.shape)


def sbu_text(xyz: np.ndarray, end: str = "\n") -> str:
    rows = (",".join([str(55 + t), *(f"{value:.5g}" for value in frame.flat)]) for t, frame in enumerate(xyz))
    return "".join(row + end for row in rows)


def written(root: Path, text: str, place: str = PLACE) -> Source:
    folder = root / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "skeleton_pos.txt").write_bytes(text.encode())
    (source,) = datasets.get("sbu")().find(root)
    return source


def read(source: Source) -> Clip:
    (clip,) = datasets.get("sbu")().read(source)
    return clip


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_clip_of_a_file(tmp_path: Path, end: str) -> None:
    clip = read(written(tmp_path, sbu_text(recording(), end)))
    assert (clip.id, clip.label, clip.subject, clip.setup, clip.replication) == ("s02s07_03_002", 2, 2, 7, 2)
    np.testing.assert_array_equal(clip.xyz, recording().swapaxes(0, 1))
    assert clip.present.all()


def test_body_of_zeros_is_absent(tmp_path: Path) -> None:
    xyz = recording()
    xyz[1, 1] = 0
    clip = read(written(tmp_path, sbu_text(xyz)))
    assert clip.present.tolist() == [[True] * 3, [True, False, True]]


@pytest.mark.parametrize("above", ["", "SBU/clean/", "noisy-s02s07/", "s01s02/", "x-"])
def test_folders_above_the_pair_mean_nothing(tmp_path: Path, above: str) -> None:
    assert read(written(tmp_path, sbu_text(recording()), above + PLACE)).id == "s02s07_03_002"


def test_file_may_be_called_in_capitals(tmp_path: Path) -> None:
    folder = tmp_path / PLACE
    folder.mkdir(parents=True)
    (folder / "Skeleton_Pos.TXT").write_text(sbu_text(recording()))
    (source,) = datasets.get("sbu")().find(tmp_path)
    assert read(source).id == "s02s07_03_002"


@pytest.mark.parametrize("rows", [(0, 2), (0, 1, 1, 2), (0, 2, 1)])
def test_line_left_out_or_doubled_is_noted(tmp_path: Path, rows: tuple[int, ...]) -> None:
    lines = sbu_text(recording()).splitlines(keepends=True)
    source = written(tmp_path, "".join(lines[row] for row in rows))
    with pytest.warns(SourceWarning, match="frame numbers jump at line [23]: lines may be missing or doubled"):
        assert read(source).xyz.shape[1] == len(rows)


@pytest.mark.realdata
def test_real_file_equals_the_clip_of_an_independent_reading(tmp_path: Path) -> None:
    other = load_npz(realdata_path("sbu_interaction.npz"))
    folder = tmp_path / "s01s02/01/001"
    folder.mkdir(parents=True)
    shutil.copy(realdata_path("samples/sbu/skeleton_pos.txt"), folder)
    clip = read(datasets.get("sbu")().find(tmp_path)[0])
    content = clip.xyz.swapaxes(0, 1)
    clips = np.split(other["data"], other["offsets"][1:-1])
    (i,) = (i for i, one in enumerate(clips) if np.array_equal(one, content))
    assert clip.id == other["name"][i]
    found = (clip.label, clip.subject, clip.replication)
    assert found == tuple(int(other[key][i]) for key in ("label", "subject", "trial"))


@pytest.mark.realdata
def test_names_of_all_recordings_give_the_labels_and_folds_of_an_independent_reading(tmp_path: Path) -> None:
    other = load_npz(realdata_path("sbu_interaction.npz"))
    for name in other["name"].tolist():
        written_at = tmp_path / "raw" / name.replace("_", "/")
        written_at.mkdir(parents=True)
        (written_at / "skeleton_pos.txt").write_text(sbu_text(recording(1)))
    store, report = prepare(datasets.get("sbu")(), tmp_path / "raw", tmp_path / "out")
    assert report.ok
    assert store.ids.tolist() == other["name"].tolist()
    np.testing.assert_array_equal(store.clips["label"], other["label"])
    np.testing.assert_array_equal(store.clips["subject"], other["subject"])
    assert list(store.classes) == other["classes"].tolist()
    np.testing.assert_array_equal(store.clips["setup"], np.unique(other["pair"], return_inverse=True)[1] + 1)
    tests = [get_split(store, f"sbu-fold{fold}")[1] for fold in range(1, 6)]
    assert [len(test) for test in tests] == [55, 52, 56, 54, 65]


GOOD = sbu_text(recording())
ROWS = GOOD.splitlines()
MISTAKES: dict[str, tuple[str, str, int | None]] = {
    "empty": ("", "the file is empty", None),
    "cut": (GOOD[:-40], "expected 91 numbers, found 8", 3),
    "one person": ("\n".join(",".join(row.split(",")[:46]) for row in ROWS), "expected 91 numbers, found 46 values", 1),
    "word": (GOOD.replace(ROWS[1].split(",")[4], "left", 1), "expected 91 finite numbers, found 'left'", 2),
    "NaN": (GOOD.replace(ROWS[2].split(",")[4], "nan", 1), "expected 91 finite numbers, found 'nan'", 3),
    "beyond float32": (GOOD.replace(ROWS[0].split(",")[4], "1e39", 1), "finite numbers, found '1e39'", 1),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem, line = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(written(tmp_path, text))
    assert PLACE in caught.value.path
    assert caught.value.line == line
    assert caught.value.fix


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (".", "the label is unknown without the folders"),
        ("03/002", "the label is unknown without the folders"),
        ("s01s06/03/002", "s01s06 is none of the 21 pairs"),
        ("s02s07/09/002", "action 9 does not exist"),
        ("s02s07/00/002", "action 0 does not exist"),
    ],
)
def test_folders_that_do_not_say_what_it_is(tmp_path: Path, place: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem) as caught:
        read(written(tmp_path, GOOD, place))
    assert "pair, action and trial" in caught.value.fix


def test_missing_end_of_the_last_line_is_noted(tmp_path: Path) -> None:
    source = written(tmp_path, GOOD[:-1])
    with pytest.warns(SourceWarning, match="may have been cut"):
        assert read(source).xyz.shape == (2, 3, 15, 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(GOOD) - 1))
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
def test_cut_anywhere_is_our_error_or_leaves_whole_rows(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    source = written(tmp_path_factory.mktemp("cut"), GOOD[:cut])
    try:
        clip = read(source)
    except SourceError:
        return
    whole = GOOD[:cut].count("\n")
    np.testing.assert_array_equal(clip.xyz[:, :whole], recording()[:whole].swapaxes(0, 1))
