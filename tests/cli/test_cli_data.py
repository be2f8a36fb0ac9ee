"""``kineme data``: raw files and arrays to stores, and what is said about those that cannot be used."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import kineme, refuse, succeed
from fake import small_store
from kineme.clips import Clip
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter
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
    assert "unpack the nucla download" in refuse("data", "check", "nucla", raw)


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
    message = refuse("data", "prepare", "synthetic", raw, "--out", tmp_path / "store", "--preparation", "refernce")
    assert "perhaps you meant reference" in message
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
    assert "2 classes" in text
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
        ({"data": np.random.rand(30, 60)}, "(10, 60)"),
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
    assert f"{npz}: no such file" in message


def test_convert(raw: Path, tmp_path: Path) -> None:
    succeed("data", "prepare", "synthetic", raw, "--out", tmp_path / "from")
    text = succeed("data", "convert", tmp_path / "from", "--layout", "kinect20", "--out", tmp_path / "to")
    assert "converted_from: kinect25" in text
    before, after = SkeletonStore.open(tmp_path / "from"), SkeletonStore.open(tmp_path / "to")
    assert (after.layout.name, after.ids.tolist()) == ("kinect20", before.ids.tolist())
    joints = [layout.index("left_elbow") for layout in (before.layout, after.layout)]
    np.testing.assert_array_equal(before[2].xyz[:, :, joints[0]], after[2].xyz[:, :, joints[1]])


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
