import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from export_stores import kinect25_store
from fake import small_store
from kineme.errors import ClipError, KinemeError, StoreError, UnknownNameError
from kineme.exporters import exporters
from kineme.exporters.base import write_npy

SPLIT = "nucla-xview"


def everything_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_formats() -> None:
    assert exporters.names() == ["mamp", "pyskl", "sgn", "stgcn"]


@pytest.mark.parametrize("name", exporters.names())
def test_files_are_those_returned_and_the_same_each_time(name: str, tmp_path: Path) -> None:
    store, export = kinect25_store(), exporters.get(name)
    first, second = (export(store, SPLIT, tmp_path / run / "deeper" / "out") for run in ("one", "two"))
    assert first == sorted(everything_below(tmp_path / "one"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


@pytest.mark.parametrize("name", exporters.names())
def test_interrupted_export_leaves_nothing_and_can_be_repeated(name: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def stop_at_the_last(done: int, total: int) -> None:
        seen.append((done, total))
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exporters.get(name)(kinect25_store(), SPLIT, tmp_path / "out", stop_at_the_last)
    assert seen == [(k, 6) for k in range(1, 7)]
    assert not list(tmp_path.iterdir())
    assert exporters.get(name)(kinect25_store(), SPLIT, tmp_path / "out")


@pytest.mark.parametrize("name", exporters.names())
def test_what_a_killed_export_left_is_no_obstacle(name: str, tmp_path: Path) -> None:
    (tmp_path / "out.writing").mkdir()
    (tmp_path / "out.writing" / "train_data.npy").write_text("half")
    assert all(file.is_file() for file in exporters.get(name)(kinect25_store(), SPLIT, tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", exporters.names())
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_existing_target_is_kept(name: str, kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine") if kind == "file" else (out / "mine").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=r"out exists; choose another --out"):
        exporters.get(name)(kinect25_store(), SPLIT, out)
    assert sorted(tmp_path.rglob("*")) == before
    assert kind == "folder" or out.read_text() == "mine"


@pytest.mark.parametrize("name", exporters.names())
def test_target_below_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        exporters.get(name)(kinect25_store(), SPLIT, tmp_path / "file" / "out")


@pytest.mark.parametrize("name", exporters.names())
def test_clip_without_label_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"clip clip0000\d has no label, .*6 of 6 have none"):
        exporters.get(name)(kinect25_store(labelled=False), SPLIT, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["mamp", "pyskl", "stgcn"])
@pytest.mark.parametrize(("split", "error"), [("ntu60-xsubject", UnknownNameError), ("uwa3d-v12-v4", KinemeError)])
def test_split_that_the_store_does_not_have(name: str, split: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        exporters.get(name)(small_store(), split, tmp_path / "out")


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 4), (7,)])
def test_rows_make_the_bytes_of_numpy(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    ours, numpys = io.BytesIO(), io.BytesIO()
    write_npy(ours, dtype, shape, iter(array))
    np.save(numpys, array)
    assert ours.getvalue() == numpys.getvalue()


@pytest.mark.parametrize("name", exporters.names())
def test_memory_does_not_grow_with_the_clips(name: str, tmp_path: Path) -> None:
    store = kinect25_store(lengths=(100,) * 300)  # 14 MB
    tracemalloc.start()
    exporters.get(name)(store, SPLIT, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6
