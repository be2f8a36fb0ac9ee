"""Bit-exact against arrays made by the field's own scripts."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.ntu_format import parse_skeleton
from kineme.datasets.ntu_reference import centre_reference, reference_bodies
from kineme.errors import SourceError
from kineme.memory_writer import MemoryWriter
from kineme.splits import get_split
from kineme.store import SkeletonStore
from raw import read_one, source_of
from skeleton_text import skeleton_text, tracks_text, walker


def golden_store(folder: Path, tmp_path: Path) -> SkeletonStore:
    """The set's recordings in reference mode, in the order of its index."""
    dataset = datasets.get(folder.name)("reference")
    with ZipFile(folder / "raw.zip") as raw:
        raw.extractall(tmp_path)
    sources = {source.id: source for source in dataset.find(tmp_path)}
    writer = MemoryWriter(dataset.layout, dataset.classes)
    for name in json.loads((folder / "index.json").read_text())["order"]:
        writer.add(read_one(dataset, sources[name]))
    return writer.finish()


@pytest.mark.parametrize("file", golden_cases("dataprep/ntu*/denoised.npz"))
def test_denoised_bodies_equal_the_scripts(file: Path, tmp_path: Path) -> None:
    golden = load_npz(file)
    store = golden_store(file.parent, tmp_path)
    assert store.ids.tolist() == golden["names"].tolist()
    ends = np.cumsum(golden["frames_cnt"])
    for i, (end, bodies) in enumerate(zip(ends, golden["bodies"], strict=True)):
        clip = store[i]
        length = golden["frames_cnt"][i]
        expected = golden["joints"][end - length : end].reshape(length, 2, *clip.xyz.shape[2:])
        assert clip.xyz.shape[0] == bodies, clip.id
        assert clip.xyz.tobytes() == expected[:, :bodies].swapaxes(0, 1).tobytes(), clip.id
        np.testing.assert_array_equal(clip.present, clip.xyz.any(axis=(2, 3)))


def scripts_array(store: SkeletonStore, rows: np.ndarray, pad_to: int, copy_single: bool) -> np.ndarray:
    """(N, T, 150) as the scripts save it: centred, zero-padded, NTU 120's second body copied from a single one."""
    out = np.zeros((len(rows), pad_to, 2, store.layout.num_joints * 3), np.float32)
    for row, i in enumerate(rows):
        bodies = centre_reference(store[int(i)])
        if copy_single and len(bodies) == 1:
            bodies = np.concatenate([bodies, bodies])
        out[row, : bodies.shape[1], : len(bodies)] = bodies.swapaxes(0, 1).reshape(bodies.shape[1], len(bodies), -1)
    return out.reshape(len(rows), pad_to, -1)


@pytest.mark.parametrize("file", golden_cases("dataprep/ntu*/NTU*_X*.npz"))
def test_padded_arrays_equal_the_scripts(file: Path, tmp_path: Path) -> None:
    golden, protocol = load_npz(file), file.stem.partition("_")[2].lower()
    store = golden_store(file.parent, tmp_path)
    name = file.parent.name
    by = {"xsub": "subject", "xview": "camera", "xset": "setup"}[protocol]
    pad_to = int(store.clips["length"].max())
    for side, rows in zip(("train", "test"), get_split(store, f"{name}-{protocol}"), strict=True):
        rows = rows[np.argsort(store.clips[by][rows], kind="stable")]
        x = scripts_array(store, rows, pad_to, copy_single=name == "ntu120")
        assert x.shape == golden[f"x_{side}"].shape
        assert x.tobytes() == golden[f"x_{side}"].tobytes()
        np.testing.assert_array_equal(np.eye(len(store.classes))[store.labels[rows]], golden[f"y_{side}"])


def bodies(text: str) -> tuple[np.ndarray, np.ndarray]:
    path = Path("S001C001P001R001A001.skeleton")
    return reference_bodies(parse_skeleton(path, text.encode(), 25))


def test_one_who_returns_is_closed_up_in_time() -> None:
    seen = [*range(10), *range(20, 30)]
    xyz, present = bodies(tracks_text(30, [(seen, walker(20, step=0.1)), (range(30), walker(30, seed=1))]))
    np.testing.assert_allclose(xyz[0, :20], walker(20, step=0.1), rtol=1e-6)
    assert present.sum(axis=1).tolist() == [20, 30]


def test_second_slot_refuses_an_earlier_body() -> None:
    tracks = [(range(60), walker(60, 0, 0.1)), (range(30, 60), walker(30, 1, 0.05)), (range(15), walker(15, 2))]
    _, present = bodies(tracks_text(60, tracks))
    assert present.sum(axis=1).tolist() == [60, 30]


def test_scripts_crash_on_a_doubled_id() -> None:
    body = walker(1)[0]
    with pytest.raises(SourceError, match="body id 7 occurs twice in one frame"):
        bodies(skeleton_text([[("7", body), ("7", body)]] * 12))


def test_scripts_crash_on_a_main_body_of_zeros() -> None:
    with pytest.raises(SourceError, match="every coordinate of the main body is zero"):
        bodies(tracks_text(3, [(range(3), np.zeros((3, 25, 3)))]))


def test_crashes_name_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "S001C001P001R001A001.skeleton"
    file.write_text(tracks_text(5, [(range(5), walker(5)), (range(5), walker(5, seed=1))]))
    source = source_of(file)
    with pytest.raises(SourceError, match="prepare without reference mode"):
        datasets.get("ntu60")("reference").read(source)
    assert read_one(datasets.get("ntu60")(), source).xyz.shape == (1, 5, 25, 3)


def test_centring_puts_the_spine_of_the_first_frame_at_the_origin() -> None:
    xyz = np.stack([walker(4), walker(4, seed=1)])
    xyz[0, 0] = 0
    clip = Clip(id="a", xyz=xyz, present=np.any(xyz != 0, axis=(2, 3)))
    centred = centre_reference(clip)
    spine = datasets.get("ntu60")().layout.index("spine_mid")
    assert not centred[0, 1, spine].any()
    assert not centred[0, 0].any()
    np.testing.assert_array_equal(centred[1], xyz[1] - xyz[0, 1, spine])
