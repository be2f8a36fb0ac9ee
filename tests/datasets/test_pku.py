import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, SourceWarning
from kineme.datasets.pku import stgcn_name
from kineme.datasets.prepare import prepare
from kineme.errors import ClipError, SourceError
from kineme.splits import get_split
from pku_files import Row, bodies, split_text, write_download

XYZ = bodies(40, second=slice(10, 15))


def read(dataset: Dataset, root: Path) -> list[Clip]:
    """Clips of every video."""
    return [clip for source in dataset.find(root) for clip in dataset.read(source)]


def read_rows(folder: Path, rows: Sequence[Row], preparation: str = "default", xyz: np.ndarray = XYZ) -> list[Clip]:
    """Clips of one video with these labels."""
    return read(datasets.get("pku1")(preparation), write_download(folder / "raw", {"0002-M": (xyz, rows)}))


def assert_frames(clip: Clip, expected: np.ndarray) -> None:
    """Compare with (T, M, V, 3), zeros told as absence."""
    np.testing.assert_array_equal(clip.xyz, expected.astype(np.float32).swapaxes(0, 1))
    np.testing.assert_array_equal(clip.present, expected.any(axis=(2, 3)).T)


def test_instances_are_inclusive_and_numbered_from_one(tmp_path: Path) -> None:
    alone, together = read_rows(tmp_path, [(51, 1, 10), (12, 9, 15)])
    assert [clip.id for clip in (alone, together)] == ["0002-M.001", "0002-M.002"]
    assert [clip.label for clip in (alone, together)] == [50, 11]
    assert_frames(alone, XYZ[:10, :1])
    assert_frames(together, XYZ[8:15])
    assert (alone.setup, alone.camera, alone.subject, alone.fps) == (2, 2, -1, 30)


def test_names_of_phase_two_tell_the_subject(tmp_path: Path) -> None:
    (clip,) = read(datasets.get("pku2")(), write_download(tmp_path, {"A07N05-R": (XYZ, [(3, 2, 2)])}))
    assert (clip.id, clip.setup, clip.subject, clip.camera, clip.label) == ("A07N05-R.001", 7, 5, 3, 2)
    assert_frames(clip, XYZ[1:2, :1])


def test_reference_loses_the_first_frame_of_an_instance(tmp_path: Path) -> None:
    (clip,) = read_rows(tmp_path, [(1, 9, 15)], "reference")
    assert_frames(clip, XYZ[9:15])


LONG = bodies(310)


@pytest.mark.parametrize(
    ("preparation", "end", "first", "stop"),
    [
        ("default", 307, 0, 307),
        ("reference", 307, 1, 301),
        ("stgcn", 300, 0, 300),
        ("stgcn", 307, 3, 303),
        ("stgcn", 308, 4, 304),
    ],
)
def test_long_instances(tmp_path: Path, preparation: str, end: int, first: int, stop: int) -> None:
    (clip,) = read_rows(tmp_path, [(1, 1, end)], preparation, LONG)
    assert_frames(clip, LONG[first:stop, :1])


def test_whole_videos_have_segments(tmp_path: Path) -> None:
    (clip,) = read_rows(tmp_path, [(51, 1, 10), (12, 9, 40)], "videos")
    assert (clip.id, clip.label) == ("0002-M", None)
    np.testing.assert_array_equal(clip.segments, [[50, 0, 10], [11, 8, 40]])  # pyright: ignore[reportArgumentType]
    assert_frames(clip, XYZ)


@pytest.mark.parametrize(
    ("row", "preparation", "note", "first", "end"),
    [
        ((1, 30, 55), "default", "label row 1: frames 30 to 55 of a video of 40; cut", 29, 40),
        ((1, 30, 55), "reference", "30 to 55 .* cut", 30, 40),
        ((1, 30, 55), "stgcn", "30 to 55 .* cut", 29, 40),
        ((1, 0, 5), "default", "0 to 5 .* cut", 0, 5),
        ((1, 41, 45), "default", "41 to 45 .* left out", 0, 0),
        ((1, 41, 45), "stgcn", "41 to 45 .* left out", 0, 0),
        ((1, 20, 19), "default", "20 to 19 .* left out", 0, 0),
        ((1, 20, 20), "reference", "20 to 20 .* left out", 0, 0),
    ],
)
def test_rows_that_leave_the_video(tmp_path: Path, row: Row, preparation: str, note: str, first: int, end: int) -> None:
    with pytest.warns(SourceWarning, match=note):
        clips = read_rows(tmp_path, [row], preparation)
    assert len(clips) == (1 if end else 0)
    for clip in clips:
        assert_frames(clip, XYZ[first:end, :1])


def test_segments_end_with_the_video(tmp_path: Path) -> None:
    with pytest.warns(SourceWarning) as caught:
        (clip,) = read_rows(tmp_path, [(1, 30, 55), (2, 44, 55)], "videos")
    assert len(caught) == 2
    assert clip.segments is not None
    assert clip.segments.tolist() == [[0, 29, 40]]


@pytest.mark.parametrize("preparation", ["default", "reference"])
def test_instance_without_anybody_is_left_out(tmp_path: Path, preparation: str) -> None:
    xyz = XYZ * (np.arange(40) < 15)[:, None, None, None]
    with pytest.warns(SourceWarning, match=r"label row 2: nobody is seen in frames .* left out"):
        clips = read_rows(tmp_path, [(1, 1, 9), (2, 20, 25)], preparation, xyz)
    assert [clip.id for clip in clips] == ["0002-M.001"]


@pytest.mark.parametrize(("preparation", "length"), [("reference", 300), ("stgcn", 4)])
def test_store_keeps_the_empty_instances_of_the_field(tmp_path: Path, preparation: str, length: int) -> None:
    xyz = bodies(310) * (np.arange(310) > 304)[:, None, None, None]
    rows = [(1, 1, 310), (2, 306, 310)] if preparation == "reference" else [(1, 1, 4)]
    raw = write_download(tmp_path / "raw", {"0002-L": (xyz, rows)})
    store, report = prepare(datasets.get("pku1")(preparation), raw, tmp_path / "store")
    assert report.ok
    assert store[0].present.shape == (1, length)
    assert not store[0].present.any()


def test_empty_label_file_gives_nothing(tmp_path: Path) -> None:
    for preparation in datasets.get("pku1").preparations:
        with pytest.warns(SourceWarning, match="label file is empty"):
            assert read_rows(tmp_path / preparation, [], preparation) == []


def test_splits_are_of_videos(tmp_path: Path) -> None:
    videos = {f"{number:04d}-{view}": (XYZ, [(1, 1, 5), (2, 3, 9)]) for number in (2, 291) for view in "LMR"}
    raw = write_download(tmp_path / "raw", videos)
    names = sorted(videos)
    (raw / "cross-subject.txt").write_text(split_text(names[:3], names[3:]))
    store, report = prepare(datasets.get("pku1")(), raw, tmp_path / "store")
    assert (report.files, report.clips, report.notes) == (6, 12, [])
    assert list(store.splits) == ["pku1-xsub"]
    train, test = get_split(store, "pku1-xsub")
    assert (train.tolist(), test.tolist()) == (list(range(6)), list(range(6, 12)))
    assert [len(side) for side in get_split(store, "pku1-xview")] == [8, 4]


@pytest.mark.parametrize("ends", [(", ", ","), (",", ", "), ("", "")])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("spelling", ["Validataion", "Validation"])
def test_spellings_of_split_files(tmp_path: Path, ends: tuple[str, str], newline: str, spelling: str) -> None:
    raw = write_download(tmp_path, {"A01N01-L": (XYZ, [(1, 1, 5)])})
    text = split_text(["A01N01-L", "A02N10-M"], ["A01N01-R"], ends).replace("Validataion", spelling)
    (raw / "cross_view_v2.txt").write_text(text.replace("\n", newline), newline="")
    splits = datasets.get("pku2")().survey(raw).splits
    assert splits == {"pku2-xview": (["A01N01-L", "A02N10-M"], ["A01N01-R"])}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected four lines.* found 0"),
        ("Training videos: \n0002-L, \n", "found 2"),
        ("0002-L\n0003-L\n0004-L\n0005-L\n", "expected four lines: 'Training videos:'"),
        (split_text(["0002-L", "0003"], ["0004-L"]), "cross-subject.txt:2: expected names of videos, found '0003'"),
        (split_text(["0002-L"], [], ends=("", ",")), ":4: expected names of videos, found none"),
        (split_text(["0002-L", "0003-L"], ["0003-L"]), ":4: 0003-L trains and tests"),
    ],
)
def test_mistakes_in_split_files(tmp_path: Path, text: str, problem: str) -> None:
    raw = write_download(tmp_path, {"0002-L": (XYZ, [(1, 1, 5)])})
    (raw / "cross-subject.txt").write_text(text)
    with pytest.raises(SourceError, match=problem):
        datasets.get("pku1")().survey(raw)


def test_files_are_found_by_name_folder_and_content(tmp_path: Path) -> None:
    names = ("0002-L", "0003-L", "0004-L", "A01N01-L")
    raw = write_download(tmp_path / "raw", {name: (XYZ, [(1, 1, 5)]) for name in names})
    skeletons, labels = raw / "PKU_Skeleton_Renew", raw / "Train_Label_PKU_final"
    (raw / "readme.txt").write_text("Actions.txt, samples")
    (raw / "a").mkdir()
    shutil.move(labels / "0002-L.txt", raw / "a")  # no folder tells: by content
    shutil.move(skeletons / "0003-L.txt", labels / "0003-L.bak")  # a label file alone is no video
    (labels / "deep label").mkdir()
    shutil.move(skeletons / "0004-L.txt", labels / "deep label")  # both folders tell: by content
    sources = datasets.get("pku1")().find(raw)
    assert [source.id for source in sources] == ["0002-L", "0004-L"]
    assert [[file.path.parent.name for file in source.files] for source in sources] == [
        ["PKU_Skeleton_Renew", "a"],
        ["deep label", "Train_Label_PKU_final"],
    ]
    assert len(read(datasets.get("pku1")(), raw)) == 2


def test_archives_beside_what_was_unpacked_are_copies(tmp_path: Path) -> None:
    raw = write_download(tmp_path / "raw", {"0002-L": (XYZ, [(1, 1, 5)])})
    for folder in ("PKU_Skeleton_Renew", "Train_Label_PKU_final"):
        with ZipFile(raw / f"{folder}.zip", "w") as archive:
            archive.write(raw / folder / "0002-L.txt", "0002-L.txt")
    _, report = prepare(datasets.get("pku1")(), raw, tmp_path / "store")
    assert (report.clips, report.problems, report.notes) == (1, [], [])
    assert [finding.problem for finding in report.skipped] == ["a copy of PKU_Skeleton_Renew/0002-L.txt"]


def test_other_labels_of_the_same_video(tmp_path: Path) -> None:
    raw = write_download(tmp_path, {"0002-L": (XYZ, [(1, 1, 5)])})
    (raw / "labels").mkdir()
    (raw / "labels" / "0002-L.txt").write_text("1,1,6,2\n")
    with pytest.raises(SourceError, match=r"labels/0002-L.txt: other labels of the same video than .*Train_Label"):
        read(datasets.get("pku1")(), raw)


def test_video_without_labels(tmp_path: Path) -> None:
    raw = write_download(tmp_path, {"0002-L": (XYZ, [])})
    (raw / "Train_Label_PKU_final" / "0002-L.txt").unlink()
    with pytest.raises(SourceError, match=r"PKU_Skeleton_Renew/0002-L.txt: no label file of this name .*unpack"):
        read(datasets.get("pku1")(), raw)


def test_names_of_aimclr() -> None:
    assert stgcn_name("0011-L.003", 21) == "F011V001C022L003"
    assert stgcn_name("A08N10-R.001", 13) == "A008N010V003C014L001"
    with pytest.raises(ClipError, match="0011-L: not an instance"):
        stgcn_name("0011-L", 21)


def golden_clips(folder: Path, preparation: str) -> tuple[list[Clip], dict[str, tuple[Sequence[str], Sequence[str]]]]:
    """Clips in order of their ids, and the splits."""
    dataset = datasets.get(folder.name)(preparation)
    found = dataset.survey(folder / "raw.zip")
    sources, splits = found.sources, found.splits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SourceWarning)
        return [clip for source in sources for clip in dataset.read(source)], dict(splits)


def padded(clip: Clip) -> np.ndarray:
    """(300, 2, 25, 3) with zeros where there is nothing."""
    M, T = clip.present.shape
    out = np.zeros((300, 2, *clip.xyz.shape[2:]), np.float32)
    out[:T, :M] = clip.xyz.swapaxes(0, 1)
    return out


def side_of(clips: Sequence[Clip], videos: Sequence[str]) -> list[Clip]:
    return [clip for clip in clips if clip.id.split(".")[0] in videos]


@pytest.mark.parametrize("file", golden_cases("dataprep/pku*/PKU*.npz"))
def test_reference_equals_the_scripts_of_mamp(file: Path) -> None:
    golden = load_npz(file)
    clips, splits = golden_clips(file.parent, "reference")
    sides = splits[f"{file.parent.name}-{file.stem.split('_')[1].lower()}"]
    for name, videos in zip(("train", "test"), sides, strict=True):
        here = side_of(clips, videos)
        assert len(here) == len(golden[f"x_{name}"]) > 0
        for clip, x, y in zip(here, golden[f"x_{name}"], golden[f"y_{name}"], strict=True):
            assert padded(clip).tobytes() == x.tobytes(), clip.id
            assert np.flatnonzero(y).tolist() == [clip.label]


@pytest.mark.parametrize("file", golden_cases("dataprep/pku*/aimclr_xsub.npz"))
def test_stgcn_equals_the_scripts_of_aimclr(file: Path) -> None:
    golden = load_npz(file)
    clips, splits = golden_clips(file.parent, "stgcn")
    for name, videos in zip(("train", "val"), splits[f"{file.parent.name}-xsub"], strict=True):
        here = {stgcn_name(clip.id, clip.label or 0): clip for clip in side_of(clips, videos)}
        assert [f"{clip}.skeleton" for clip in sorted(here)] == golden[f"{name}_name"].tolist()
        for i, clip in enumerate(sorted(here)):
            assert padded(here[clip]).transpose(3, 0, 2, 1).tobytes() == golden[f"{name}_data"][i].tobytes(), clip
            assert here[clip].label == golden[f"{name}_label"][i]
