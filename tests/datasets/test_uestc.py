from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import SourceWarning
from kineme.datasets.prepare import check, prepare
from kineme.errors import ConfigError, SourceError
from kineme.splits import get_split
from raw import read_one, source_of
from uestc_files import skeleton_text, write_mat, write_text


def motion(num_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (num_frames, 25, 3)).astype(np.float32)


def read_all(folder: Path, window: int = 180) -> list[Clip]:
    dataset = datasets.get("uestc")(window=window)  # pyright: ignore[reportCallIssue]
    return [clip for source in dataset.find(folder) for clip in dataset.read(source)]


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "  \r\n"])
def test_clip_of_a_text(tmp_path: Path, end: str) -> None:
    write_text(tmp_path, "a12_d3_p045_c2", motion(4), end)
    (clip,) = read_all(tmp_path)
    found = (clip.id, clip.label, clip.setup, clip.subject, clip.camera, clip.fps)
    assert found == ("a12_d3_p045_c2", 12, 3, 45, 3, 30)
    np.testing.assert_array_equal(clip.xyz[0], motion(4))
    assert clip.present.all()


@pytest.mark.parametrize("shape", [(4, 25, 3), (4, 75)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_clip_of_a_mat(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    write_mat(tmp_path, "a12_d3_p045_c1", motion(4).reshape(shape).astype(kind))
    (clip,) = read_all(tmp_path)
    assert (clip.id, clip.camera) == ("a12_d3_p045_c1", 0)
    np.testing.assert_array_equal(clip.xyz[0], motion(4))


@pytest.mark.parametrize(
    ("name", "view"), [("a0_d5_p1_c1", 0), ("a0_d8_p1_c1", 0), ("a0_d7_p1_c2", 7), ("a0_d8_p1_c2", 8)]
)
def test_view_of_a_clip(tmp_path: Path, name: str, view: int) -> None:
    write_text(tmp_path, name, motion(1))
    (clip,) = read_all(tmp_path)
    assert (clip.camera, clip.id) == (view, name.replace("p1", "p001"))


def test_frame_of_zeros_is_absent(tmp_path: Path) -> None:
    xyz = motion(3)
    xyz[1] = 0
    write_text(tmp_path, "a0_d1_p001_c1", xyz)
    assert read_all(tmp_path)[0].present.tolist() == [[True, False, True]]


def test_text_is_preferred_to_its_mat(tmp_path: Path) -> None:
    write_mat(tmp_path / "mat_from_skeleton", "a0_d1_p001_c1", motion(3) + 1e-6)
    write_text(tmp_path / "skeleton", "a0_d1_p01_c1", motion(3))
    write_mat(tmp_path / "mat_from_skeleton", "a0_d1_p001_c2", motion(3))
    report = check(datasets.get("uestc")(), tmp_path)
    assert (report.files, report.clips, report.ok, report.skipped) == (2, 2, True, [])


@pytest.mark.parametrize(
    ("num_frames", "lengths"),
    [(80, [80]), (181, [181]), (269, [269]), (270, [180, 90]), (629, [180, 180, 269]), (630, [180, 180, 180, 90])],
)
def test_long_recordings_are_cut(tmp_path: Path, num_frames: int, lengths: list[int]) -> None:
    for name in ("a0_d8_p001_c1", "a0_d8_p001_c2"):
        write_mat(tmp_path, name, motion(num_frames))
    clips = read_all(tmp_path)
    first, second = clips[: len(lengths)], clips[len(lengths) :]
    assert [clip.present.shape[1] for clip in first] == [clip.present.shape[1] for clip in second] == lengths
    np.testing.assert_array_equal(np.concatenate([clip.xyz[0] for clip in first]), motion(num_frames))


def test_ids_of_windows_ascend(tmp_path: Path) -> None:
    write_mat(tmp_path, "a0_d8_p001_c2", motion(205))
    assert [clip.id[-3:] for clip in read_all(tmp_path, window=100)] == ["w01", "w02"]
    ids = [clip.id for clip in read_all(tmp_path, window=2)]
    assert ids[0] == "a0_d8_p001_c2.w001"
    assert ids == sorted(ids)
    assert len(ids) == 103


def test_windows_can_be_had_whole(tmp_path: Path) -> None:
    write_mat(tmp_path, "a0_d8_p001_c2", motion(500))
    (clip,) = read_all(tmp_path, window=0)
    assert (clip.id, clip.present.shape) == ("a0_d8_p001_c2", (1, 500))


def test_windows_of_nobody_are_left_out(tmp_path: Path) -> None:
    xyz = motion(540)
    xyz[180:360] = 0
    write_mat(tmp_path, "a0_d8_p001_c2", xyz)
    assert [clip.id[-3:] for clip in read_all(tmp_path)] == ["w01", "w03"]


def test_recording_of_nobody_is_a_problem(tmp_path: Path) -> None:
    write_mat(tmp_path, "a0_d8_p001_c2", np.zeros((540, 25, 3)))
    write_mat(tmp_path, "a0_d7_p001_c2", np.zeros((5, 25, 3)))
    report = check(datasets.get("uestc")(), tmp_path)
    assert ["no body in any frame" in found.problem for found in report.problems] == [True, True]


def test_negative_window() -> None:
    with pytest.raises(ConfigError, match="expected a number of frames, or 0 for whole clips, found -1"):
        datasets.get("uestc")(window=-1)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("write", [write_text, write_mat])
@pytest.mark.parametrize(("copy", "original"), [(5, 3), (6, 2), (7, 1)])
def test_copy_of_a_front_recording_is_left_out(tmp_path: Path, write: object, copy: int, original: int) -> None:
    assert callable(write)
    for direction in (copy, original, 4):
        write(tmp_path / "raw", f"a3_d{direction}_p007_c1", motion(3))
        write(tmp_path / "raw", f"a3_d{direction}_p007_c2", motion(3, seed=direction))
    store, report = prepare(datasets.get("uestc")(), tmp_path / "raw", tmp_path / "out")
    assert report.ok
    assert f"a3_d{copy}_p007_c1" not in store.ids.tolist()
    assert len(store.ids) == 5
    (note,) = report.notes
    assert note.path.startswith(f"a3_d{copy}_p007_c1")
    assert f"the same front recording as a3_d{original}_p007_c1" in note.problem


def test_front_recording_of_its_own_is_kept(tmp_path: Path) -> None:
    write_text(tmp_path, "a3_d1_p007_c1", motion(3))
    write_text(tmp_path, "a3_d7_p007_c1", motion(3, seed=1))
    write_text(tmp_path, "a3_d6_p007_c1", motion(3))
    assert [clip.setup for clip in read_all(tmp_path)] == [1, 6, 7]


def test_subjects_and_views_fit_the_splits(tmp_path: Path) -> None:
    for name in ("a0_d1_p001_c1", "a0_d1_p001_c2", "a0_d2_p003_c2", "a0_d8_p003_c2"):
        write_text(tmp_path / "raw", name, motion(2))
    store, _ = prepare(datasets.get("uestc")(), tmp_path / "raw", tmp_path / "out")
    ids = store.ids
    assert ids[get_split(store, "uestc-xsub")[1]].tolist() == ["a0_d2_p003_c2", "a0_d8_p003_c2"]
    assert ids[get_split(store, "uestc-arbitrary")[1]].tolist() == ["a0_d8_p003_c2"]
    assert ids[get_split(store, "uestc-xview2-even")[1]].tolist() == ["a0_d1_p001_c2"]


GOOD = skeleton_text(motion(2))
LINES = GOOD.split("\n")


def with_line(number: int, line: str) -> str:
    return "\n".join([*LINES[: number - 1], line, *LINES[number:]])


MISTAKES: dict[str, tuple[str, str, int | None]] = {
    "empty": ("", "the file is empty", None),
    "no #": ("\n".join(LINES[1:]), "expected # before frame 1, found '-?0", 1),
    "line left out": ("\n".join(LINES[:20] + LINES[21:]), "expected # before frame 2", 77),
    "cut": ("\n".join(LINES[:100]), "ends within frame 2, after 24 of 76 lines", 100),
    "word": (with_line(79 + 2, "a b c 0"), "expected a point x y z 0 in metres, found 'a b c 0'", 81),
    "blank": (with_line(5, " "), "expected a point x y z 0", 5),
    "pixel for a point": (with_line(5, "1041.27 441.873 1"), "found '1041.27 441.873 1'", 5),
    "other mark": (with_line(2, "0.1 0.2 0.3 1"), "expected a point x y z 0", 2),
    "NaN": (with_line(2, "nan 0.2 0.3 0"), "found 'nan 0.2 0.3 0'", 2),
    "beyond float32": (with_line(2, "0.1 1e39 0.3 0"), "found '0.1 1e39 0.3 0'", 2),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem, line = MISTAKES[mistake]
    file = tmp_path / "a0_d1_p001_c1_skeleton.txt"
    file.write_text(text)
    with pytest.raises(SourceError, match=problem) as caught:
        datasets.get("uestc")().read(source_of(file))
    assert file.name in caught.value.path
    assert caught.value.line == line
    assert caught.value.fix


@pytest.mark.parametrize(
    ("skel", "problem"),
    [
        (np.ones((3, 20, 3)), r"expected skel of shape \(frames, 25, 3\), found \(3, 20, 3\)"),
        (np.ones((0, 75)), r"found \(0, 75\)"),
        (np.full((3, 75), np.nan), "NaN or infinity in frame 1"),
        (np.full((3, 75), 1e39), "NaN or infinity in frame 1"),
    ],
)
def test_mistake_of_a_mat_is_named(tmp_path: Path, skel: np.ndarray, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read_one(datasets.get("uestc")(), write_mat(tmp_path, "a0_d1_p001_c1", skel))


@pytest.mark.parametrize(
    "name", ["a0_d9_p001_c1", "a0_d1_c1", "foo", "a0_d1_p001_c3", "a40_d1_p001_c1", "a0_d1_p119_c1"]
)
def test_name_out_of_grammar(tmp_path: Path, name: str) -> None:
    write_text(tmp_path, name, motion(1))
    with pytest.raises(SourceError, match=r"expected a name like a0_d1_p001_c1|does not exist"):
        read_all(tmp_path)


def test_damaged_original_does_not_hide_its_copy(tmp_path: Path) -> None:
    write_text(tmp_path, "a3_d7_p007_c1", motion(3))
    original = write_text(tmp_path, "a3_d1_p007_c1", motion(3))
    original.write_bytes(original.read_bytes()[:-200])
    report = check(datasets.get("uestc")(), tmp_path)
    assert (report.clips, [found.path for found in report.problems]) == (1, [original.name])


def test_copy_is_a_warning(tmp_path: Path) -> None:
    files = [write_text(tmp_path, f"a3_d{direction}_p007_c1", motion(3)) for direction in (7, 1)]
    with pytest.warns(SourceWarning, match="left out: the same front recording as a3_d1_p007_c1_skeleton.txt"):
        assert datasets.get("uestc")().read(source_of(*files)) == []


def test_mats_written_at_different_times_are_still_copies(tmp_path: Path) -> None:
    copy, original = (write_mat(tmp_path, f"a3_d{direction}_p007_c1", motion(3)) for direction in (7, 1))
    copy.write_bytes(b"MATLAB 5.0 MAT-file, on another day".ljust(116) + copy.read_bytes()[116:])
    with pytest.warns(SourceWarning, match="left out"):
        assert datasets.get("uestc")().read(source_of(copy, original)) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(GOOD) - 1))
def test_cut_anywhere_is_our_error_or_leaves_whole_frames(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    file = tmp_path_factory.mktemp("cut") / "a0_d1_p001_c1_skeleton.txt"
    file.write_text(GOOD[:cut])
    try:
        clip = read_one(datasets.get("uestc")(), file)
    except SourceError:
        return
    np.testing.assert_array_equal(clip.xyz[0], motion(2)[: len(clip.xyz[0])])
