from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.splits import get_split
from raw import source_of

DATASET = datasets.get("utkinect")()
NUMBERS = [10, 10, 14, 16, *range(20, 120, 2)]  # the device skips frames, and stores some twice
JOINTS = np.random.default_rng(0).normal(size=(len(NUMBERS), 60)).round(6)


def text(numbers: list[int] = NUMBERS) -> str:
    """A recording to the letter: two blanks between numbers, and at the end of a line."""
    rows = zip(numbers, JOINTS, strict=False)
    return "".join(f"{number}   " + "".join(f"{value:f}  " for value in row) + "\n" for number, row in rows)


def labels(*recordings: str, **spans: str) -> str:
    """Actions of ten numbers each from 20 on, unless told otherwise."""
    actions = {action: f" {20 + 10 * i} {29 + 10 * i}" for i, action in enumerate(DATASET.classes)} | spans
    lines = "".join(f"{action}:{span}\n" for action, span in actions.items())
    return "".join(f"{recording}\n{lines}" for recording in recordings or ["s02_e01"])


def written(folder: Path, actions: str, recording: str | None = None) -> list[Path]:
    files = [folder / "joints_s02_e01.txt", folder / "actionLabel.txt"]
    for file, content in zip(files, (text() if recording is None else recording, actions), strict=True):
        file.write_text(content)
    return files


def read(folder: Path, actions: str, recording: str | None = None) -> list[Clip]:
    written(folder, actions, recording)
    (source,) = DATASET.find(folder)
    return DATASET.read(source)


def test_a_clip_per_action(tmp_path: Path) -> None:
    clips = read(tmp_path, labels("s01_e02", "s02_e01"))
    assert [clip.id for clip in clips][:2] == ["s02_e01.01_walk", "s02_e01.02_sitDown"]
    assert clips[-1].id == "s02_e01.10_clapHands"
    assert sorted(clip.id for clip in clips) == [clip.id for clip in clips]
    assert [clip.label for clip in clips] == list(range(10))
    assert {(clip.subject, clip.replication, clip.fps, clip.xyz.shape) for clip in clips} == {(2, 1, 15, (1, 5, 20, 3))}
    xyz = np.concatenate([clip.xyz[0] for clip in clips])
    np.testing.assert_array_equal(xyz, JOINTS[4:].reshape(-1, 20, 3).astype(np.float32))


def test_both_ends_belong_to_an_action_and_the_first_of_a_number_is_kept(tmp_path: Path) -> None:
    walk, *_ = read(tmp_path, labels(walk="  9 16 "))
    np.testing.assert_array_equal(walk.xyz[0].reshape(3, 60), JOINTS[[0, 2, 3]].astype(np.float32))
    walk, *_ = read(tmp_path, labels(walk=" 10 15"))
    assert walk.xyz.shape[1] == 2


@pytest.mark.parametrize(
    ("span", "note"),
    [
        ("  NaN NaN", "the label says NaN"),
        ("  12 NaN", "the label says NaN"),
        (" 11 13", "no frame is stored from 11 to 13"),
        (" 30 20", "no frame is stored from 30 to 20"),
    ],
)
def test_action_without_frames_is_a_note(span: str, note: str, tmp_path: Path) -> None:
    with pytest.warns(SourceWarning, match=f"carry left out: {note}"):
        clips = read(tmp_path, labels(carry=span))
    assert [clip.label for clip in clips] == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_prepared_store_has_its_split_and_notes(tmp_path: Path) -> None:
    written(tmp_path, labels("s01_e01", "s02_e01", carry=" NaN NaN"))
    (tmp_path / "joints_s01_e01.txt").write_text(text())
    (tmp_path / "readme.txt").touch()
    store, report = prepare(DATASET, tmp_path, tmp_path / "store")
    assert report.ok
    assert [finding.path for finding in report.notes] == ["joints_s01_e01.txt", "joints_s02_e01.txt"]
    assert [len(side) for side in get_split(store, "odd-even-subjects")] == [9, 9]


def test_recording_that_ends_before_its_actions_is_noted(tmp_path: Path) -> None:
    rows = text().splitlines(keepends=True)
    with pytest.warns(SourceWarning) as caught:
        clips = read(tmp_path, labels(pull=" 60 99"), "".join(rows[:34]))
    assert [str(warning.message) for warning in caught] == [
        "push left out: no frame is stored from 80 to 89",
        "pull may have lost its end: labelled to frame 99, the recording ends at 78",
        "waveHands left out: no frame is stored from 100 to 109",
        "clapHands left out: no frame is stored from 110 to 119",
    ]
    assert [clip.label for clip in clips] == [0, 1, 2, 3, 4, 5, 7]


def test_frames_out_of_order_are_a_note(tmp_path: Path) -> None:
    rows = text().splitlines(keepends=True)
    with pytest.warns(SourceWarning, match="frame numbers descend at line 6"):
        clips = read(tmp_path, labels(), "".join([*rows[:4], rows[5], rows[4], *rows[6:]]))
    np.testing.assert_array_equal(clips[0].xyz[0].reshape(-1, 60), JOINTS[4:9].astype(np.float32))


def test_two_label_files_must_say_the_same(tmp_path: Path) -> None:
    written(tmp_path, labels())
    (tmp_path / "other").mkdir()
    (tmp_path / "other/ACTIONLABEL.TXT").write_bytes(labels().replace("\n", "\r\n").encode())
    assert len(DATASET.find(tmp_path)) == 1
    (tmp_path / "other/ACTIONLABEL.TXT").write_text(labels(walk=" 1 2"))
    with pytest.raises(SourceError, match=r"same name as .*, other content"):
        DATASET.find(tmp_path)


@pytest.mark.realdata
def test_real_recording_equals_an_independent_reading() -> None:
    other = load_npz(realdata_path("utkinect.npz"))
    (source,) = DATASET.find(realdata_path("samples/utkinect"))
    clips = DATASET.read(source)
    assert len(clips) == 10
    for clip in clips:
        i = other["name"].tolist().index(f"{source.id}_{DATASET.classes[clip.label or 0]}")
        np.testing.assert_array_equal(clip.xyz[0], other["data"][other["offsets"][i] : other["offsets"][i + 1]])
        found = (clip.label, clip.subject, clip.replication)
        assert found == tuple(int(other[key][i]) for key in ("label", "subject", "trial"))
    assert list(DATASET.classes) == other["classes"].tolist()


ROWS = text().splitlines(keepends=True)
RECORDINGS = {
    "empty": ("", None, "the file is empty"),
    "line cut": ("".join(ROWS[:3]) + ROWS[3][:200], 4, "expected 61 numbers, found"),
    "15 joints": (" ".join(["1"] * 46), 1, "expected 61 numbers, found 46"),
    "half a frame": ("".join(ROWS[:3]) + ROWS[3].replace("16   ", "16.5   "), 4, "whole frame number, found 16.5"),
    "NaN": ("".join(ROWS[:3]) + ROWS[3].replace("16   ", "nan   "), 4, "found 'nan'"),
}


@pytest.mark.parametrize("mistake", RECORDINGS)
def test_mistake_in_a_recording_is_named(mistake: str, tmp_path: Path) -> None:
    data, line, problem = RECORDINGS[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, labels(), data)
    assert "joints_s02_e01.txt" in caught.value.path
    assert caught.value.line == line


LABELS = {
    "empty": ("", None, "no block s02_e01"),
    "other recordings": (labels("s01_e01", "s03_e01"), None, "no block s02_e01"),
    "cut": (labels()[:32], 3, "expected 'sitDown: <first frame> <last frame>', found 'sitDown: 30'"),
    "cut before an action": (labels()[:20], 3, "expected 'sitDown: .*found ''"),
    "action left out": (labels("s01_e01", "s02_e01").replace("pull", "push"), 20, "'pull: .*found 'push: 90 99'"),
    "text": (labels(throw=" 70 x"), 7, "'throw: .* found 'throw: 70 x'"),
    "negative": (labels(throw=" -70 80"), 7, "'throw: .* found 'throw: -70 80'"),
}


@pytest.mark.parametrize("mistake", LABELS)
def test_mistake_in_the_labels_is_named(mistake: str, tmp_path: Path) -> None:
    data, line, problem = LABELS[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, data)
    assert "actionLabel.txt" in caught.value.path
    assert caught.value.line == line
    assert caught.value.fix


def test_labels_must_be_there(tmp_path: Path) -> None:
    recording, actions = written(tmp_path, labels())
    actions.unlink()
    with pytest.raises(SourceError, match=r"no actionLabel\.txt says which actions") as caught:
        DATASET.read(DATASET.find(tmp_path)[0])
    assert recording.name in caught.value.path


def test_name_out_of_grammar(tmp_path: Path) -> None:
    (tmp_path / "joints.txt").write_text(text())
    with pytest.raises(SourceError, match="name like joints_s01_e01"):
        DATASET.read(source_of(tmp_path / "joints.txt"))


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.data())
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
def test_cut_anywhere_gives_clips_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, cut_labels: bool, draw: st.DataObject
) -> None:
    content = labels() if cut_labels else text()
    cut = content[: draw.draw(st.integers(0, len(content) - 1))]
    files = (cut, text()) if cut_labels else (labels(), cut)
    try:
        clips = read(tmp_path_factory.mktemp("cut"), *files)
    except SourceError:
        return
    assert all(clip.xyz.shape[1] for clip in clips)
