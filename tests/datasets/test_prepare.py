import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import make_archive

import numpy as np
import pytest

from kineme.datasets import datasets
from kineme.datasets.prepare import check, prepare
from kineme.datasets.report import Report
from kineme.errors import SourceError, StoreError
from kineme.importers import importers
from kineme.store import SkeletonStore
from limits import largest_file
from skeleton_text import skeleton_text, tracks_text, walker

NTU60 = datasets.get("ntu60")()
FILES = ("xyz.npy", "present.npy", "clips.npy", "store.json", "report.json")


def name(number: int) -> str:
    return f"S001C{number % 3 + 1:03d}P{number // 60 + 1:03d}R001A{number % 60 + 1:03d}"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder with 70 good files in two subfolders: more than two batches."""
    for number in range(70):
        text = tracks_text(3, [(range(3), walker(3, seed=number))])
        file = tmp_path / "raw" / f"part{number % 2}" / f"{name(number)}.skeleton"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "raw"


def damage(raw: Path) -> None:
    """One file of each kind that is left out, and one that is repaired."""
    good = tracks_text(3, [(range(3), walker(3))])
    body = walker(2)
    (raw / "S001C001P010R001A001.skeleton").write_text(good.rsplit(" ", 3)[0])
    (raw / "S001C001P010R001A061.skeleton").write_text(good)
    (raw / "S001C001P010R001A002.skeleton").mkdir()
    (raw / "S001C001P010R001A003.skeleton").symlink_to(raw / "nowhere")
    (raw / "S001C002P005R002A008.skeleton").write_text("0\n")
    (raw / "copies").mkdir()
    (raw / "copies" / f"{name(0)}.skeleton").write_bytes((raw / "part0" / f"{name(0)}.skeleton").read_bytes())
    (raw / "copies" / f"{name(1)}.skeleton").write_text(good)
    (raw / "S001C001P010R001A004.skeleton").write_text(skeleton_text([[("7", body[0]), ("7", body[1])]]))


def problems(report: Report) -> dict[str, str]:
    return {finding.path: finding.problem for finding in report.problems}


def test_check_reads_everything_and_counts(raw: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check(NTU60, raw, progress=lambda done, total: calls.append((done, total)))
    assert report.ok
    assert (report.files, report.clips, report.frames) == (70, 70, 210)
    assert calls == [(32, 70), (64, 70), (70, 70)]


def test_every_file_left_out_is_named_with_the_reason(raw: Path, tmp_path: Path) -> None:
    damage(raw)
    store, report = prepare(NTU60, raw, tmp_path / "store")
    cut = "expected joint 25 in frame 3 of the 3 that line 1 promises as 12 values, found 9"
    assert problems(report) == {
        "S001C001P010R001A001.skeleton": cut,
        "S001C001P010R001A003.skeleton": "cannot be read (No such file or directory)",
        "S001C001P010R001A061.skeleton": "class A061 is out of range, ntu60 has A001 to A060",
        f"part1/{name(1)}.skeleton": f"same name as copies/{name(1)}.skeleton, other content",
    }
    assert report.problems[0].line == 1 + 3 * 28
    assert {finding.path: finding.problem for finding in report.skipped} == {
        "S001C002P005R002A008.skeleton": "listed as missing",
        f"part0/{name(0)}.skeleton": f"a copy of copies/{name(0)}.skeleton",
    }
    assert [finding.path for finding in report.notes] == ["S001C001P010R001A004.skeleton"]
    assert report.files == len(report.problems) + len(report.skipped) + report.clips
    assert len(store) == report.clips == 71
    saved = json.loads((tmp_path / "store" / "report.json").read_text(encoding="utf-8"))
    assert Report(**saved).clips == 71
    checked = check(NTU60, raw)
    assert (checked.problems, checked.skipped, checked.clips) == (report.problems, report.skipped, report.clips)


def test_clips_are_sorted_and_provenance_says_how(raw: Path, tmp_path: Path) -> None:
    store, _ = prepare(datasets.get("ntu60")("reference"), raw, tmp_path / "store")
    assert store.ids.tolist() == sorted(store.ids.tolist())
    assert store.provenance == {"dataset": "ntu60", "preparation": "reference", "source": "raw"}
    np.testing.assert_allclose(store[0].xyz[0], walker(3), rtol=1e-6)


def assert_same_files(one: Path, other: Path) -> None:
    for file in FILES:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file


def test_number_of_workers_changes_no_byte(raw: Path, tmp_path: Path) -> None:
    damage(raw)
    prepare(NTU60, raw, tmp_path / "one")
    prepare(NTU60, raw, tmp_path / "two", jobs=2)
    assert_same_files(tmp_path / "one", tmp_path / "two")


def interrupted(raw: Path, out: Path) -> None:
    """A preparation that is stopped after its first batch."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(NTU60, raw, out, progress=interrupt)


def test_interrupted_job_goes_on_and_reports_the_whole(raw: Path, tmp_path: Path) -> None:
    damage(raw)
    prepare(NTU60, raw, tmp_path / "whole")
    interrupted(raw, tmp_path / "store")
    with pytest.raises(StoreError, match="no skeleton store here"):
        SkeletonStore.open(tmp_path / "store")
    calls: list[int] = []
    prepare(NTU60, raw, tmp_path / "store", progress=lambda done, total: calls.append(done))
    assert calls == [64, 74], "the first batch was read again"
    assert_same_files(tmp_path / "whole", tmp_path / "store")


def test_files_that_changed_since_are_read_again(raw: Path, tmp_path: Path) -> None:
    first = sorted(raw.rglob("*.skeleton"), key=lambda path: path.stem)
    broken, other, late = first[3], first[10], first[40]
    whole = {path: path.read_bytes() for path in (broken, other, late)}
    broken.write_text("3\n1\n")
    interrupted(raw, tmp_path / "store")
    broken.write_bytes(whole[broken])
    other.write_text(tracks_text(4, [(range(4), walker(4, seed=99))]))
    late.unlink()
    store, report = prepare(NTU60, raw, tmp_path / "store")
    assert report.ok
    assert store.ids.tolist() == sorted(path.stem for path in first if path != late)
    prepare(NTU60, raw, tmp_path / "undisturbed")
    assert_same_files(tmp_path / "undisturbed", tmp_path / "store")


def test_full_disk_keeps_what_was_written(raw: Path, tmp_path: Path) -> None:
    prepare(NTU60, raw, tmp_path / "whole")
    with pytest.raises(OSError, match="too large"), largest_file(20_000):
        prepare(NTU60, raw, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    prepare(NTU60, raw, tmp_path / "store")
    assert_same_files(tmp_path / "whole", tmp_path / "store")


def test_archives_give_the_same_store_as_their_content(raw: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "zipped" / "raw"
    zipped.mkdir(parents=True)
    for part in ("part0", "part1"):
        make_archive(str(zipped / part), "zip", raw / part)
    prepare(NTU60, raw, tmp_path / "plain")
    _, report = prepare(NTU60, zipped, tmp_path / "store", jobs=2)
    assert report.ok
    for file in FILES[:-1]:
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "store" / file).read_bytes(), file
    damaged = zipped / "part1.zip"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    store, report = prepare(NTU60, zipped, tmp_path / "half")
    assert (len(store), report.files) == (35, 36)
    assert problems(report) == {"part1.zip": "not a whole zip archive (File is not a zip file)"}


KILLED = """
import os, signal, sys
from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
prepare(datasets.get("ntu60")(), *sys.argv[1:], progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_job_goes_on(raw: Path, tmp_path: Path) -> None:
    prepare(NTU60, raw, tmp_path / "whole")
    killed = subprocess.run([sys.executable, "-c", KILLED, raw, tmp_path / "store"], check=False)
    assert killed.returncode == -signal.SIGKILL
    prepare(NTU60, raw, tmp_path / "store")
    assert_same_files(tmp_path / "whole", tmp_path / "store")


def test_fresh_start_forgets_the_interrupted_job(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "store.writing").mkdir()
    (tmp_path / "store.writing" / "job.json").write_text("{}")
    with pytest.raises(StoreError, match="interrupted job"):
        prepare(NTU60, raw, tmp_path / "store")
    assert len(prepare(NTU60, raw, tmp_path / "store", resume=False)[0]) == 70


def test_read_only_folder_and_foreign_letters(raw: Path, tmp_path: Path) -> None:
    folder = raw.rename(tmp_path / "ñandú 数据")
    folder.chmod(0o500)
    try:
        store, report = prepare(NTU60, folder, tmp_path / "lager ß" / "store")
    finally:
        folder.chmod(0o700)
    assert report.ok
    assert store.provenance["source"] == "ñandú 数据"
    assert SkeletonStore.open(tmp_path / "lager ß" / "store").ids.tolist() == store.ids.tolist()


def test_store_that_exists_is_kept(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match="exists"):
        prepare(NTU60, raw, tmp_path / "store")


def test_place_that_cannot_be_written(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        prepare(NTU60, raw, tmp_path / "file" / "store")


def test_nothing_usable_leaves_nothing_behind(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "S001C001P001R001A001.skeleton").write_text("0\n")
    with pytest.raises(SourceError, match="none of the 1 files can be used; the first, S001C001P001R001A001"):
        prepare(NTU60, raw, tmp_path / "store")
    assert not list(tmp_path.glob("store*"))


def test_clips_of_one_name_in_two_recordings(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for file, names in (("a", ["x", "y"]), ("b", ["z", "y"]), ("c", ["v", "w"])):
        data = np.random.default_rng(0).normal(size=(6, 20, 3))
        np.savez(raw / f"{file}.npz", data=data, offsets=[0, 2, 6], name=names)
    flat = np.ones((2, 20, 2))
    np.savez(raw / "d.npz", data=flat, offsets=[0, 2], name=["flat"])
    importer = importers.get("npz")(path=raw, joints="kinect20")
    store, report = prepare(importer, raw, tmp_path / "store")
    assert store.ids.tolist() == ["x", "y", "v", "w"]
    assert problems(report) == {
        "b.npz": "clip y is in the store already; clip ids must be unique",
        "d.npz": "clip flat: 2 coordinates per joint, others have 3",
    }
    assert json.loads((tmp_path / "store" / "report.json").read_text())["clips"] == 4
