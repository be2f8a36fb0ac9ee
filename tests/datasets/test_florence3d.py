from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.splits import get_split
from raw import source_of

DATASET: Dataset = datasets.get("florence3d")()
VIDEOS = [(1, 1, 1, 4), (2, 1, 3, 2), (3, 6, 9, 3)]  # video, actor, class, frames


def rows() -> np.ndarray:
    """(9, 48): the first columns and coordinates in millimetres."""
    head = np.repeat([video[:3] for video in VIDEOS], [video[3] for video in VIDEOS], axis=0)
    return np.hstack([head, np.random.default_rng(0).normal(scale=1000, size=(len(head), 45)).round(3)])


def text(table: np.ndarray, separator: str = " ") -> str:
    return "".join(separator.join(f"{value:g}" for value in row) + "\n" for row in table)


def written(folder: Path, data: str, name: str = DATASET.example) -> Path:
    file = folder / name
    file.write_text(data)
    return file


FEW = pytest.mark.filterwarnings("ignore:3 of 215 videos")


@FEW
@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t"])
def test_clips_of_the_file(separator: str, tmp_path: Path) -> None:
    clips = DATASET.read(source_of(written(tmp_path, text(rows(), separator))))
    assert [clip.id for clip in clips] == ["v001", "v002", "v003"]
    assert [(clip.label, clip.subject, clip.xyz.shape[1]) for clip in clips] == [(0, 1, 4), (2, 1, 2), (8, 6, 3)]
    xyz = np.concatenate([clip.xyz[0] for clip in clips])
    np.testing.assert_allclose(xyz.reshape(9, 45) * 1000, rows()[:, 3:], rtol=1e-5)
    assert all(clip.present.all() for clip in clips)


def test_file_is_told_by_name_or_columns(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    written(tmp_path, text(rows()))
    written(tmp_path / "copy", text(rows(), ","), "florence.txt")
    written(tmp_path, "1 1 1 0.5\n", "Florence_dataset_Features.txt")
    (tmp_path / "nowhere.txt").symlink_to(tmp_path / "absent")
    store, report = prepare(DATASET, tmp_path, tmp_path / "store")
    assert store.ids.tolist() == ["v001", "v002", "v003"]
    assert [finding.problem for finding in report.skipped] == [f"a copy of {DATASET.example}"]
    assert [finding.path for finding in report.problems] == ["nowhere.txt"]


def test_prepared_store_has_its_splits(tmp_path: Path) -> None:
    written(tmp_path, text(rows()))
    store, _ = prepare(DATASET, tmp_path, tmp_path / "store")
    assert [side.tolist() for side in get_split(store, "florence3d-half")] == [[0, 1], [2]]
    assert [side.tolist() for side in get_split(store, "florence3d-actor1")] == [[2], [0, 1]]


@pytest.mark.realdata
def test_file_made_of_the_real_arrays_gives_them_back(tmp_path: Path) -> None:
    other = load_npz(realdata_path("florence3d.npz"))
    length = np.diff(other["offsets"])
    columns = (np.arange(len(length)) + 1, other["subject"], other["label"] + 1)
    head = np.repeat(np.stack(columns, axis=1), length, axis=0)
    file = tmp_path / DATASET.example
    np.savetxt(file, np.hstack([head, other["data"].reshape(-1, 45).astype(float) * 1000]), fmt="%.9g")
    clips = DATASET.read(source_of(file))
    np.testing.assert_array_equal(np.concatenate([clip.xyz[0] for clip in clips]), other["data"])
    assert [clip.id for clip in clips] == other["name"].tolist()
    assert [clip.label for clip in clips] == other["label"].tolist()
    assert list(DATASET.classes) == other["classes"].tolist()


def changed(row: int, column: int, value: float) -> str:
    table = rows()
    table[row, column] = value
    return text(table)


MISTAKES = {
    "empty": ("", None, "the file is empty"),
    "header": ("video actor class x y z\n" + text(rows()), 1, "expected 48 numbers, found 6"),
    "line cut": (text(rows())[:-30], 9, "expected 48 numbers, found 4"),
    "NaN": (changed(4, 20, np.nan), 5, "found 'nan'"),
    "video": (changed(0, 0, 0), 1, "expected video as a whole number from 1 to 215, found 0"),
    "actor": (changed(3, 1, 11), 4, "expected actor as a whole number from 1 to 10, found 11"),
    "class": (changed(8, 2, 10), 9, "expected class as a whole number from 1 to 9, found 10"),
    "half a class": (changed(8, 2, 1.5), 9, "expected class as a whole number from 1 to 9, found 1.5"),
    "two classes": (changed(2, 2, 4), 3, "video 1 goes on as actor 1, class 4"),
    "two actors": (changed(7, 1, 7), 8, "video 3 goes on as actor 7, class 9"),
    "video twice": (text(np.vstack([rows(), rows()[:1]])), 10, "video 1 goes on as actor 1, class 1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str, tmp_path: Path) -> None:
    data, line, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        DATASET.read(source_of(written(tmp_path, data)))
    assert DATASET.example in caught.value.path
    assert caught.value.line == line
    assert caught.value.fix


def test_part_of_the_videos_is_a_note(tmp_path: Path) -> None:
    with pytest.warns(SourceWarning, match="3 of 215 videos: the file may have been cut"):
        assert len(DATASET.read(source_of(written(tmp_path, text(rows()))))) == 3


@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
@given(st.integers(0, len(text(rows())) - 1))
def test_cut_anywhere_leaves_the_first_frames_or_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    source = source_of(written(tmp_path_factory.mktemp("cut"), text(rows())[:cut]))
    try:
        clips = DATASET.read(source)
    except SourceError:
        return
    assert [clip.id for clip in clips] == ["v001", "v002", "v003"][: len(clips)]
