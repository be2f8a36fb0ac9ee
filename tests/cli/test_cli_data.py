"""``kineme data``: raw files and arrays to stores, and what is said about those that cannot be used."""

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from command_line import kineme, refuse, succeed
from fake import small_store
from kineme.clips import Clip
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter, _NpyAppender
from skeleton_text import tracks_text, walker

NAMES = [f"S001C001P{person:03d}R001A{action:03d}.skeleton" for person in (1, 2) for action in (1, 2)]
BAD = "S001C002P001R001A001.skeleton"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Folder of good raw files; its name would be markup on a console that reads markup."""
    folder = tmp_path / "raw[bold]"
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        (folder / name).write_text(tracks_text(12, [(range(12), walker(12, seed))]))
    return folder


@pytest.fixture
def bad_line(raw: Path) -> int:
    """Adds a file that was cut off; the line at which it ends."""
    lines = tracks_text(12, [(range(12), walker(12))]).splitlines()
    (raw / BAD).write_text("\n".join(lines[:160]) + "\n1.0 2.0")
    return 161


@pytest.fixture
def store(tmp_path: Path) -> SkeletonStore:
    return small_store().save(tmp_path / "small.store")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_check_good_files(raw: Path) -> None:
    assert "4 raw files, 4 good clips, 48 frames" in succeed("data", "check", "synthetic", raw)


def test_check_names_file_and_line(raw: Path, bad_line: int, tmp_path: Path) -> None:
    before = contents(raw)
    report = tmp_path / "reports" / "check.json"
    answer = kineme("data", "check", "synthetic", raw, "--report", report)
    assert answer.status == 1
    assert "5 raw files, 4 good clips" in answer.out
    row = next(line for line in answer.out.splitlines() if BAD in line)
    assert str(bad_line) in row
    (problem,) = json.loads(report.read_text())["problems"]
    assert (problem["path"], problem["line"]) == (BAD, bad_line)
    assert contents(raw) == before


def test_check_of_no_dataset_or_folder(raw: Path, tmp_path: Path) -> None:
    assert "perhaps you meant synthetic" in refuse("data", "check", "synthetc", raw)
    assert "nowhere" in refuse("data", "check", "synthetic", tmp_path / "nowhere")
    assert "files are called like a01_s01_e00_v01.json" in refuse("data", "check", "nucla", raw)


def test_prepare_goes_on_past_bad_files(raw: Path, bad_line: int, tmp_path: Path) -> None:
    out = tmp_path / "store"
    text = succeed("data", "prepare", "synthetic", raw, "--out", out)
    assert BAD in text
    assert str(out) in text
    store = SkeletonStore.open(out)
    assert [f"{name}.skeleton" for name in store.ids] == NAMES
    assert json.loads((out / "report.json").read_text())["problems"][0]["line"] == bad_line


def test_prepare_leaves_an_existing_store_alone(raw: Path, store: SkeletonStore) -> None:
    assert store.path is not None
    before = contents(store.path)
    assert "exists" in refuse("data", "prepare", "synthetic", raw, "--out", store.path)
    assert contents(store.path) == before


@pytest.mark.parametrize(("options", "written_again"), [([], NAMES[2:]), (["--no-resume"], NAMES)])
def test_prepare_again_after_an_interruption(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], written_again: list[str]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "store"
    succeed("data", "prepare", "synthetic", raw, "--out", whole)
    added: list[str] = []
    add = StoreWriter.add

    def add_or_stop(writer: StoreWriter, clip: Clip) -> None:
        """Somebody presses Ctrl-C after two clips, the first time."""
        if stopping and len(added) == 2:
            raise KeyboardInterrupt
        added.append(f"{clip.id}.skeleton")
        add(writer, clip)

    monkeypatch.setattr(StoreWriter, "add", add_or_stop)
    stopping = True
    assert kineme("data", "prepare", "synthetic", raw, "--out", out).status == 130
    assert not out.exists()
    stopping = False
    added.clear()
    succeed("data", "prepare", "synthetic", raw, "--out", out, *options)
    assert added == written_again
    assert contents(out) == contents(whole)


def test_prepare_as_nobody_can(raw: Path, tmp_path: Path) -> None:
    answer = kineme("data", "prepare", "synthetic", raw, "--out", tmp_path / "store", "--preparation", "refernce")
    assert answer.status == 2
    assert "'default', 'reference'" in answer.err
    assert not (tmp_path / "store").exists()


def arrays(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """Two clips of kinect20; None takes an array away."""
    plain = {"data": np.random.rand(30, 20, 3), "offsets": np.array([0, 10, 30]), "label": np.array([0, 1])}
    return {name: array for name, array in {**plain, **changes}.items() if array is not None}


def save_npz(file: Path, content: Mapping[str, Any]) -> Path:
    """Write arrays by their names."""
    np.savez(file, **content)
    return file


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    return tmp_path / "mine.npz"


def test_import(npz: Path, tmp_path: Path) -> None:
    out, content = tmp_path / "store", arrays(view=np.array([1, 2]), classes=np.array(["sit", "stand"]))
    text = succeed("data", "import", save_npz(npz, content), "--layout", "kinect20", "--out", out, "--fps", 25)
    assert "1 raw files, 2 good clips, 30 frames" in text
    store = SkeletonStore.open(out)
    assert store.classes == ("sit", "stand")
    assert (store.clips["camera"].tolist(), store[1].fps) == ([1, 2], 25.0)
    np.testing.assert_allclose(store[1].xyz[0], content["data"][10:], rtol=1e-6)


def test_import_of_one_clip_per_name(npz: Path, tmp_path: Path) -> None:
    content = arrays(label=None, name=np.array(["a", "b"]), data=np.random.rand(30, 2, 20, 3))
    succeed("data", "import", save_npz(npz, content), "--layout", "kinect20", "--out", tmp_path / "store")
    store = SkeletonStore.open(tmp_path / "store")
    assert (store.ids.tolist(), store.classes, store.max_bodies) == (["a", "b"], (), 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": None}, "no array offsets, found ['data', 'label']"),
        ({"data": None, "offsets": None}, "no array data and offsets"),
        ({"offsets": np.array([0, 10, 31])}, "from 0 to 30"),
        ({"offsets": np.array([0, 20, 10, 30], np.uint32)}, "from 0 to 30"),
        ({"offsets": np.array([0.0, 10.0, 30.0])}, "whole numbers"),
        ({"label": np.array([0, 1, 2])}, "2 clips, but label (3,)"),
        ({"label": None, "name": np.array(["a", "a"])}, "clip ids must be unique"),
        ({"data": np.random.rand(30, 25, 3)}, "layout kinect20 has 20 joints, the clip has 25"),
        ({"data": np.random.rand(30, 60)}, "(30, 60)"),
    ],
)
def test_import_says_what_is_wrong(
    npz: Path, tmp_path: Path, changes: dict[str, np.ndarray | None], message: str
) -> None:
    save_npz(npz, arrays(**changes))
    assert message in refuse("data", "import", npz, "--layout", "kinect20", "--out", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_import_with_an_unknown_layout(npz: Path, tmp_path: Path) -> None:
    message = refuse("data", "import", save_npz(npz, arrays()), "--layout", "kinect22", "--out", tmp_path / "store")
    assert "perhaps you meant kinect2" in message


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut off"])
def test_import_of_another_file(npz: Path, tmp_path: Path, content: bytes) -> None:
    npz.write_bytes(content)
    message = refuse("data", "import", npz, "--layout", "kinect20", "--out", tmp_path / "store")
    assert f"{npz}: not an .npz file" in message


def test_import_of_no_file(npz: Path, tmp_path: Path) -> None:
    message = refuse("data", "import", npz, "--layout", "kinect20", "--out", tmp_path / "store")
    assert f"{npz}: not a readable folder (No such file" in message


def test_convert(raw: Path, tmp_path: Path) -> None:
    succeed("data", "prepare", "synthetic", raw, "--out", tmp_path / "from")
    text = succeed("data", "convert", tmp_path / "from", "--layout", "kinect20", "--out", tmp_path / "to")
    assert text.split("converted_from", 1)[1].split()[1] == "kinect25"
    before, after = SkeletonStore.open(tmp_path / "from"), SkeletonStore.open(tmp_path / "to")
    assert (after.layout.name, after.ids.tolist()) == ("kinect20", before.ids.tolist())
    joints = [layout.index("left_elbow") for layout in (before.layout, after.layout)]
    np.testing.assert_array_equal(before[2].xyz[:, :, joints[0]], after[2].xyz[:, :, joints[1]])


def test_convert_turns_what_is_upside_down(tmp_path: Path) -> None:
    """What MediaPipe sees, y down, for a model of Kinect's skeletons, y up."""
    source, target = Layout.get("mediapipe33"), Layout.get("kinect20")
    xyz = np.random.default_rng(0).normal(size=(5, 33, 3)).astype(np.float32)
    SkeletonStore.from_arrays([xyz], source, labels=[0]).save(tmp_path / "from")
    succeed("data", "convert", tmp_path / "from", "--layout", "kinect20", "--out", tmp_path / "to")
    after = SkeletonStore.open(tmp_path / "to")[0].xyz[0]
    knee = xyz[:, source.index("left_knee")]
    np.testing.assert_array_equal(after[:, target.index("left_knee")], knee * np.array([-1, -1, 1], np.float32))


def test_convert_what_cannot_be(store: SkeletonStore, tmp_path: Path) -> None:
    out = tmp_path / "to"
    assert "coordinates cannot" in refuse("data", "convert", store.path, "--layout", "coco17", "--out", out)
    assert "no skeleton store here" in refuse("data", "convert", tmp_path, "--layout", "kinect25", "--out", out)
    assert not out.exists()


def test_info(store: SkeletonStore) -> None:
    text = succeed("data", "info", store.path)
    assert "swing 1 times: 8" in text
    assert "kinect20" in text


def test_info_as_json(store: SkeletonStore) -> None:
    summary = json.loads(succeed("data", "info", store.path, "--as-json"))
    assert (summary["clips"], summary["layout"], summary["joints"]) == (24, "kinect20", 20)
    assert summary["labels"] == {f"swing {k + 1} times": 8 for k in range(3)}
    assert summary["subject"] == {"1": 6, "2": 6, "3": 6, "4": 6}
    assert summary["frames"]["sum"] == store.clips["length"].sum()
    assert "setup" not in summary


def test_options_of_a_dataset_are_its_own() -> None:
    assert "--window" in succeed("data", "prepare", "uestc", "--help")
    text = succeed("data", "prepare", "nucla", "--help")
    assert "--window" not in text
    assert "1,484 single-body" in text
    assert "comes before" in refuse("data", "prepare", "--out", "store", "nucla", "raw")
    assert "perhaps you meant nucla" in refuse("data", "prepare", "nuclaa", "raw", "--out", "store")


def test_import_with_labels_from_a_table(npz: Path, tmp_path: Path) -> None:
    save_npz(npz, arrays(label=None, name=np.array(["a", "b"])))
    table = tmp_path / "labels.csv"
    table.write_text("id,label,subject,split\na,wave,anna,train\nb,sit,ben,test\nc,sit,anna,test\n")
    options = ("--layout", "kinect20", "--labels", table, "--out", tmp_path / "store")
    assert "names c, which is not among the recordings" in succeed("data", "import", npz, *options)
    store = SkeletonStore.open(tmp_path / "store")
    assert store.classes == ("sit", "wave")
    assert store.labels.tolist() == [1, 0]
    assert store.clips["subject"].tolist() == [1, 2]
    assert store.splits == {"own": (["a"], ["b"])}


def test_import_says_which_formats_there_are(tmp_path: Path) -> None:
    (tmp_path / "pose.json").write_text("[]")
    message = refuse("data", "import", tmp_path, "--out", tmp_path / "store")
    assert ".json files can be of several formats" in message
    assert "coco" in message
    assert "openpose" in message
    unknown = refuse("data", "import", tmp_path, "--format", "openpos", "--out", tmp_path / "store")
    assert "perhaps you meant openpose" in unknown
    assert "--scale" in succeed("data", "import", tmp_path, "--format=bvh", "--help")
    assert "comes before" in refuse("data", "import", "--out", "store", "raw")


def test_export_and_show(store: SkeletonStore, tmp_path: Path) -> None:
    for format, out in (("mamp", "arrays.npz"), ("stgcn", "arrays"), ("pyskl", "clips.pkl")):
        text = succeed(
            "data", "export", store.path, "--format", format, "--split", "nucla-xview", "--out", tmp_path / out
        )
        assert str(tmp_path / out) in text
    assert "unknown export format" in refuse("data", "export", store.path, "--format", "x", "--out", tmp_path / "x")
    succeed("data", "show", store.path, "--out", tmp_path / "clips.png", "--clips", 4)
    assert (tmp_path / "clips.png").stat().st_size > 5000
    assert "unknown clip 'x'" in refuse("data", "show", store.path, "--ids", "x", "--out", tmp_path / "no.png")


def test_what_there_is_to_read() -> None:
    datasets, formats = succeed("datasets"), succeed("formats")
    assert all(name in datasets for name in ("ntu60", "pku1", "kinetics", "uwa3d"))
    assert all(name in formats for name in ("bvh", "openpose", "mamp", "sgn"))


def test_import_tells_the_format_from_the_endings(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "walk.bvh").write_text("HIERARCHY")
    (folder / "walk.json").write_text("{}")
    (folder / "labels.csv").write_text("id,label\nwalk,wave\n")
    options = ("--layout", "kinect20", "--out", tmp_path / "store")
    assert "walk.bvh" in refuse("data", "import", folder, "--labels", folder / "labels.csv", *options)
    assert "one of bvh, csv" in refuse("data", "import", folder, *options)


def test_prepare_on_a_full_disk_goes_on_when_there_is_space(raw: Path, tmp_path: Path) -> None:
    succeed("data", "prepare", "synthetic", raw, "--out", tmp_path / "whole")
    out, append, left = tmp_path / "store", _NpyAppender.append, [5]

    def append_while_there_is_space(self: _NpyAppender, rows: np.ndarray) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, rows)

    with patch.object(_NpyAppender, "append", append_while_there_is_space):
        message = refuse("data", "prepare", "synthetic", raw, "--out", out)
    assert "No space left on device; free some space and give the same command again" in message
    assert not out.exists()
    succeed("data", "prepare", "synthetic", raw, "--out", out)
    assert contents(out) == contents(tmp_path / "whole")
