"""Writing stores: all or nothing, and interrupted work goes on where it stopped."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kineme.clips import Clip
from kineme.errors import ClipError, DuplicateClipError, KinemeError, StoreError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter
from limits import largest_file
from ragged import ragged_store

LAYOUT = Layout.get("kinect20")
SOURCE = ragged_store(0, [(1, 9), (3, 4), (2, 7), (1, 1), (2, 30)])
CLIPS = [SOURCE[i] for i in range(len(SOURCE))]


def writer(path: Path, **options: Any) -> StoreWriter:
    return StoreWriter(path, LAYOUT, ("a", "b"), **{"provenance": {"source": "a test"}, **options})


def content(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def fill(
    path: Path, clips: Sequence[Clip], then: BaseException | None = None, resume: bool = False
) -> dict[str, bytes]:
    """Add the clips that are not there yet, and end in an exception where one is given; the store's files."""
    with writer(path, resume=resume) as store:
        for clip in clips:
            if clip.id not in store.ids:
                store.add(clip)
        if then:
            raise then
    return content(path)


def finish(path: Path) -> dict[str, bytes]:
    """Go on with interrupted work, as the preparation of a dataset does."""
    return fill(path, CLIPS, resume=True)


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, bytes]:
    """Files of a store that nothing interrupted."""
    return fill(tmp_path / "undisturbed", CLIPS)


def interrupt(path: Path, num_clips: int) -> Path:
    """Work that stopped after some clips; its folder."""
    store = writer(path)
    for clip in CLIPS[:num_clips]:
        store.add(clip)
    store.suspend()
    return path.with_name(path.name + ".writing")


def test_the_store_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store"
    with writer(path) as store:
        for clip in CLIPS:
            store.add(clip)
            assert not path.exists()
            with pytest.raises(StoreError):
                SkeletonStore.open(path.with_name("store.writing"))
    assert len(SkeletonStore.open(path)) == len(CLIPS)
    assert [file.name for file in path.parent.iterdir()] == ["store"]


@pytest.mark.parametrize("num_clips", range(len(CLIPS) + 1))
def test_interrupted_work_goes_on(tmp_path: Path, undisturbed: dict[str, bytes], num_clips: int) -> None:
    path = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        fill(path, CLIPS[:num_clips], then=KeyboardInterrupt())
    assert not path.exists()
    assert finish(path) == undisturbed


def test_a_killed_process_leaves_nothing_that_opens(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    path = tmp_path / "store"
    script = (
        "import os, signal, sys\n"
        "from test_store_writer import CLIPS, Path, writer\n"
        "store = writer(Path(sys.argv[1]))\n"
        "for clip in CLIPS[:3]:\n"
        "    store.add(clip)\n"
        "store._arrays['xyz'].append(CLIPS[3].xyz)\n"  # the fourth clip: coordinates written, journal not
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], cwd=Path(__file__).parent, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    with pytest.raises(StoreError):
        SkeletonStore.open(tmp_path / "store.writing")
    assert finish(path) == undisturbed


@pytest.mark.parametrize("torn", [b"", b"[", b'["clip00003", 34, 1'])
def test_torn_journal_line(tmp_path: Path, undisturbed: dict[str, bytes], torn: bytes) -> None:
    folder = interrupt(tmp_path / "store", 3)
    with (folder / "journal.jsonl").open("ab") as journal:
        journal.write(torn)
    with (folder / "present.npy").open("ab") as present:
        present.write(b"\1\1")
    resumed = writer(tmp_path / "store", resume=True)
    assert resumed.ids == {clip.id for clip in CLIPS[:3]}
    resumed.add(CLIPS[3])
    resumed.suspend()
    assert finish(tmp_path / "store") == undisturbed


def test_clips_the_disk_lost_are_written_again(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """After a power cut the journal may know more than the arrays hold."""
    folder = interrupt(tmp_path / "store", 4)
    file = folder / "xyz.npy"
    file.write_bytes(file.read_bytes()[:-5])
    assert finish(tmp_path / "store") == undisturbed


@pytest.mark.parametrize("num_clips", [3, 4])
def test_full_disk_keeps_the_work(tmp_path: Path, undisturbed: dict[str, bytes], num_clips: int) -> None:
    path = tmp_path / "store"
    used = len(undisturbed["xyz.npy"]) - sum(clip.xyz.nbytes for clip in CLIPS[num_clips:])
    with pytest.raises(OSError, match="too large"), largest_file(used + 100):
        fill(path, CLIPS)
    assert not path.exists()
    assert len((tmp_path / "store.writing" / "journal.jsonl").read_text().splitlines()) == num_clips
    assert finish(path) == undisturbed


def test_resume_with_other_settings_is_refused(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    folder = interrupt(tmp_path / "store", 2)
    before = content(folder)
    with pytest.raises(StoreError, match="left by an interrupted job with other settings; repeat those, or remove it"):
        writer(tmp_path / "store", resume=True, provenance={"source": "another"})
    assert content(folder) == before
    assert finish(tmp_path / "store") == undisturbed


def test_without_resume_the_work_starts_over(tmp_path: Path) -> None:
    interrupt(tmp_path / "store", 3)
    with writer(tmp_path / "store") as store:
        assert not store.ids
        store.add(CLIPS[4])
    assert SkeletonStore.open(tmp_path / "store").ids.tolist() == [CLIPS[4].id]


def variant(**changes: Any) -> Clip:
    plain = {"id": "x", "xyz": CLIPS[0].xyz, "present": CLIPS[0].present}
    return Clip(**{**plain, **changes})


@pytest.mark.parametrize(
    ("clip", "error", "message"),
    [
        (variant(id=CLIPS[0].id), DuplicateClipError, "clip clip00000 is in the store already"),
        (variant(label=2), ClipError, "clip x: label 2 is out of range, there are 2 classes"),
        (variant(present=np.ones((1, 3), bool)), ClipError, r"clip x: presence \(1, 3\) does not match"),
        (variant(xyz=CLIPS[0].xyz[0]), ClipError, r"clip x: expected \(M, T, V, C\)"),
        (variant(xyz=CLIPS[0].xyz[..., :2]), ClipError, "clip x: 2 coordinates, the store has 3"),
        (variant(xyz=CLIPS[0].xyz * np.nan), ClipError, "clip x: NaN or infinity at body 0, frame 0"),
        (variant(xyz=CLIPS[0].xyz[:, :0], present=CLIPS[0].present[:, :0]), ClipError, "clip x: no frames"),
        (variant(confidence=np.ones((1, 9, 19))), ClipError, r"clip x: confidence \(1, 9, 19\) does not match"),
        (variant(confidence=np.full((1, 9, 20), np.nan)), ClipError, "clip x: a confidence is negative, NaN"),
        (variant(segments=np.array([[0, 3, 10]])), ClipError, r"clip x: segment \(label, start, end\) \[0, 3, 10\]"),
        (variant(segments=np.array([0, 3, 10])), ClipError, "clip x: expected segments as rows"),
        (
            variant(xyz=CLIPS[0].xyz + 1, present=np.arange(9)[None] > 4),
            ClipError,
            "clip x: body 0 is absent in frame 0 but has coordinates there; ",
        ),
    ],
)
def test_a_refused_clip_writes_nothing(tmp_path: Path, clip: Clip, error: type[KinemeError], message: str) -> None:
    path = tmp_path / "store"
    with writer(path) as store:
        store.add(CLIPS[0])
        before = content(tmp_path / "store.writing")
        with pytest.raises(error, match=message):
            store.add(clip)
        assert content(tmp_path / "store.writing") == before
        store.add(CLIPS[1])
    assert SkeletonStore.open(path).ids.tolist() == [CLIPS[0].id, CLIPS[1].id]


def test_our_own_error_discards_the_work(tmp_path: Path) -> None:
    with pytest.raises(ClipError):
        fill(tmp_path / "store", [CLIPS[0], variant(label=2)])
    assert not list(tmp_path.iterdir())


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    (path / "mine").write_text("mine")
    with pytest.raises(StoreError, match="exists; choose another --out"):
        writer(path)
    assert content(path) == {"mine": b"mine"}


def test_a_store_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no clip could be stored"), writer(tmp_path / "store"):
        pass
    assert not list(tmp_path.iterdir())


def test_arrays_are_plain_npy(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    path = tmp_path / "undisturbed"
    xyz, present, clips = (np.load(path / f"{name}.npy") for name in ("xyz", "present", "clips"))
    assert (xyz.dtype, present.dtype, len(xyz), len(clips)) == (np.float32, bool, len(present), len(CLIPS))
    assert json.loads((path / "store.json").read_text())["provenance"] == {"source": "a test"}


def noted(path: Path, clips: Sequence[Clip], resume: bool = False) -> StoreWriter:
    """A writer with a note after each clip."""
    store = writer(path, resume=resume)
    for clip in clips:
        store.add(clip)
        store.note({"after": clip.id})
    return store


@pytest.mark.parametrize("num_notes", range(len(CLIPS) + 1))
def test_work_is_cut_back_to_a_note(tmp_path: Path, undisturbed: dict[str, bytes], num_notes: int) -> None:
    noted(tmp_path / "store", CLIPS).suspend()
    resumed = writer(tmp_path / "store", resume=True)
    assert resumed.notes == [{"after": clip.id} for clip in CLIPS]
    resumed.rewind(num_notes)
    assert resumed.ids == {clip.id for clip in CLIPS[:num_notes]}
    for clip in CLIPS[num_notes:]:
        resumed.add(clip)
    resumed.finish()
    assert content(tmp_path / "store") == undisturbed


def test_clips_after_the_last_note_are_there_until_cut(tmp_path: Path) -> None:
    store = noted(tmp_path / "store", CLIPS[:2])
    store.add(CLIPS[2])
    store.suspend()
    resumed = writer(tmp_path / "store", resume=True)
    assert len(resumed.ids) == 3
    resumed.rewind(2)
    assert resumed.ids == {clip.id for clip in CLIPS[:2]}
    resumed.suspend()
    again = writer(tmp_path / "store", resume=True)
    again.suspend()
    assert again.notes == [{"after": clip.id} for clip in CLIPS[:2]]


def test_confidence_segments_splits_and_reports_survive(tmp_path: Path) -> None:
    sure = np.linspace(0, 1, 9 * 20, dtype=np.float32).reshape(1, 9, 20)
    segments = np.array([[1, 0, 4], [0, 3, 9]])
    clips = [replace(CLIPS[0], confidence=sure, segments=segments), CLIPS[1]]
    path = tmp_path / "store"
    interrupted = writer(path, confidence=True)
    interrupted.add(clips[0])
    interrupted.suspend()
    store = writer(path, confidence=True, resume=True)
    store.add(clips[1])
    store.splits = {"own": ([CLIPS[0].id], [CLIPS[1].id])}
    store.attach("report.json", {"files": 2})
    opened = store.finish()
    for source in (opened, opened.save(tmp_path / "copy"), opened.to("cpu")):
        np.testing.assert_array_equal(source[0].confidence, sure)
        np.testing.assert_array_equal(source[1].confidence, np.repeat(CLIPS[1].present[..., None], 20, axis=2))
        np.testing.assert_array_equal(source[0].segments, segments)
        assert source[1].segments is not None
        assert len(source[1].segments) == 0
        assert source.splits == {"own": ([CLIPS[0].id], [CLIPS[1].id])}
    assert json.loads((path / "report.json").read_text()) == {"files": 2}
    labels = opened[0].frame_labels(2)
    assert labels.sum(axis=0).tolist() == [6, 4]
    assert labels[3].tolist() == [True, True]
