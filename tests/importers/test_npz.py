import csv
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import REALDATA, load_npz, realdata_path
from kineme.datasets.base import SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import ClipError, LayoutError, SourceError
from kineme.importers.npz import Npz, load_ragged_npz
from kineme.layout import Layout
from kineme.store import SkeletonStore

LAYOUT = Layout.get("kinect20")
DATA = np.random.default_rng(0).normal(size=(30, 20, 3)).astype(np.float32)
TWO = np.random.default_rng(1).normal(size=(30, 2, 20, 3)).astype(np.float32)


def content(**changes: Any) -> dict[str, Any]:
    """Two clips of kinect20; None takes an array away."""
    plain = {"data": DATA, "offsets": np.array([0, 10, 30]), "label": np.array([0, 1]), "name": np.array(["a", "b"])}
    return {name: array for name, array in {**plain, **changes}.items() if array is not None}


def saved(folder: Path, arrays: dict[str, Any], name: str = "mine.npz") -> Path:
    np.savez(folder / name, **arrays)
    return folder / name


def stored(path: Path, tmp_path: Path, **options: Any) -> SkeletonStore:
    """What an import makes of a file or folder, without complaint."""
    importer = Npz(**{"path": path, "joints": "kinect20", **options})
    store, report = prepare(importer, path, tmp_path / "store")
    assert report.ok, report
    return store


def test_everything_a_file_may_hold(tmp_path: Path) -> None:
    columns = {
        "subject": np.array(["ben", "anna"]),
        "view": np.array([3, 2]),
        "pair": np.array(["p2", "p1"]),
        "trial": np.array([0, 7], np.uint8),
        "split": np.array(["val", "train"]),
        "classes": np.array(["sit", "stand"]),
        "confidence": np.full((30, 20), 0.25),
    }
    store = stored(saved(tmp_path, content(**columns)), tmp_path, fps=12.0)
    assert (store.ids.tolist(), store.classes, store.labels.tolist()) == (["a", "b"], ("sit", "stand"), [0, 1])
    found = {name: store.clips[name].tolist() for name in ("subject", "camera", "setup", "replication", "fps")}
    assert found == {"subject": [2, 1], "camera": [3, 2], "setup": [2, 1], "replication": [0, 7], "fps": [12, 12]}
    assert store.splits == {"own": (["b"], ["a"])}
    np.testing.assert_array_equal(store[1].xyz, DATA[None, 10:])
    assert store[1].confidence is not None
    assert (store[1].confidence == 0.25).all()


def test_bodies(tmp_path: Path) -> None:
    data = TWO.copy()
    data[3, 1] = np.nan
    file = saved(tmp_path, content(data=data, confidence=np.ones((30, 2, 20))))
    clip = stored(file, tmp_path)[0]
    np.testing.assert_array_equal(clip.xyz[0], TWO[:10, 0])
    assert np.flatnonzero(~clip.present[1]).tolist() == [3]
    assert clip.confidence is not None
    assert clip.confidence.shape == (2, 10, 20)


def test_names_of_joints_decide_about_their_order(tmp_path: Path) -> None:
    theirs = {ours: name for name, ours in LAYOUT.aliases}
    order = np.random.default_rng(2).permutation(20)
    joints = np.array([theirs.get(LAYOUT.joints[v], LAYOUT.joints[v]) for v in order])
    confidence = np.tile(np.arange(20) / 20, (30, 1))
    file = saved(tmp_path, content(data=DATA[:, order], joints=joints, confidence=confidence[:, order]))
    clip = stored(file, tmp_path)[0]
    np.testing.assert_array_equal(clip.xyz[0], DATA[:10])
    np.testing.assert_allclose(np.asarray(clip.confidence)[0], confidence[:10], rtol=1e-6)


def test_clips_without_names_are_called_by_file_and_number(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("one.npz", "two.npz"):
        saved(folder, content(name=None, label=None), name)
    store = stored(folder, tmp_path)
    assert store.ids.tolist() == ["one.00000", "one.00001", "two.00000", "two.00001"]
    assert store.classes == ()


def test_labels_as_text(tmp_path: Path) -> None:
    store = stored(saved(tmp_path, content(label=np.array(["wave", "sit"]))), tmp_path)
    assert (store.classes, store.labels.tolist()) == (("sit", "wave"), [1, 0])


def test_a_table_of_labels_goes_first(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label,subject,split\na,run,9,train\nb,hop,8,test\n")
    file = saved(tmp_path, content(classes=np.array(["x", "y"]), split=np.array(["test", "train"])))
    store = stored(file, tmp_path, labels=labels)
    assert (store.classes, store.labels.tolist()) == (("hop", "run"), [1, 0])
    assert store.splits == {"own": (["a"], ["b"])}


def test_a_clip_of_zeros_is_kept_as_one_of_nobody(tmp_path: Path) -> None:
    data = DATA.copy()
    data[:10] = 0
    file = saved(tmp_path, content(data=data))
    with pytest.warns(SourceWarning, match="every coordinate is zero: a; nobody is seen"):
        store = load_ragged_npz(file, "kinect20")
    assert (store.ids.tolist(), store.labels.tolist()) == (["a", "b"], [0, 1])
    assert not store[0].present.any()
    assert store[1].present.all()
    assert len(stored(file, tmp_path)) == 2


def test_files_of_different_classes_do_not_mix(tmp_path: Path) -> None:
    saved(tmp_path, content(classes=np.array(["sit", "stand"])), "one.npz")
    saved(tmp_path, content(classes=np.array(["run", "hop"]), name=np.array(["c", "d"])), "two.npz")
    with pytest.raises(SourceError, match=r"different classes: sit, stand and run, hop.*one by one"):
        _ = Npz(path=tmp_path, joints="kinect20").classes


def test_a_broken_file_leaves_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    saved(folder, content(classes=np.array(["sit", "stand"])), "a.npz")
    (folder / "b.npz").write_text("nothing")
    store, report = prepare(Npz(path=folder, joints="kinect20"), folder, tmp_path / "store")
    assert (len(store), store.classes) == (2, ("sit", "stand"))
    assert [finding.path for finding in report.problems] == ["b.npz"]


def test_without_a_layout(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="npz files can hold any joints: name theirs with --layout"):
        Npz(path=saved(tmp_path, content())).layout  # noqa: B018 - looking is enough


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no offsets": ({"offsets": None}, r"no array offsets, found \['data', 'label', 'name'\]"),
    "offsets beyond": ({"offsets": np.array([0, 10, 31])}, "from 0 to 30"),
    "offsets fall": ({"offsets": np.array([0, 20, 10, 30], np.uint64)}, "from 0 to 30"),
    "text": ({"data": DATA.astype(str)}, r"data must be numbers .* found <U"),
    "complex": ({"data": DATA * 1j}, "found complex64"),
    "flat": ({"data": DATA.reshape(30, 60)}, r"found float32 \(30, 60\)"),
    "nothing": ({"data": np.float64(3)}, r"found float64 \(\)"),
    "columns": ({"subject": np.array([1, 2, 3])}, r"2 clips, but subject \(3,\)"),
    "fraction": ({"subject": np.array([1.5, 2])}, "subject must be text or whole numbers from -1 to 2147483647"),
    "large number": ({"subject": np.array([2**31, 2])}, "subject must be"),
    "large label": ({"label": np.array([0, 10**8])}, "label must be .* to 99999"),
    "same name": ({"name": np.array(["a", "a"])}, "the name a occurs twice; clip ids must be unique"),
    "confidence": (
        {"confidence": np.ones((30, 2, 20))},
        r"numbers \(30, 20\) as for data, found float64 \(30, 2, 20\)",
    ),
    "joints": ({"joints": np.array(["head"])}, r"1 names of joints, but data \(30, 20, 3\)"),
    "joint numbers": ({"joints": np.arange(20)}, "joints must be a list of names, found int64"),
    "joint names": ({"joints": np.array([f"joint{v}" for v in range(20)])}, "no joint for spine_base, .*: joint0, "),
    "classes": ({"classes": np.array([["a", "b"]])}, "classes must be a list of names"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    changes, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        load_ragged_npz(saved(tmp_path, content(**changes)), LAYOUT)
    assert "mine.npz" in caught.value.path


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data": DATA[:, :15]}, "clip a: layout kinect20 has 20 joints, the clip has 15"),
        ({"data": DATA.astype(float) * 1e300}, "clip a: NaN or infinity"),
        ({"confidence": -np.ones((30, 20))}, "clip a: a confidence is negative"),
        ({"label": np.array([-1, 0])}, "clip a: label -1 is out of range"),
        ({"label": np.array(["hop", "sit"]), "classes": np.array(["sit"])}, r"labels \['hop'\] are not among"),
    ],
)
def test_what_no_store_can_hold(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ClipError, match=problem):
        load_ragged_npz(saved(tmp_path, content(**changes)), LAYOUT)


def test_no_file() -> None:
    with pytest.raises(SourceError, match=r"nowhere\.npz: no such file"):
        load_ragged_npz(Path("nowhere.npz"), LAYOUT)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_our_error_or_clips(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    file = saved(tmp_path_factory.mktemp("hurt"), content(data=DATA[:, :, :2], joints=np.array(LAYOUT.joints)))
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    tail = whole[at + 4 :] if data.draw(st.booleans()) else b""
    file.write_bytes(whole[:at] + data.draw(st.binary(max_size=4)) + tail)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SourceWarning)
            assert len(load_ragged_npz(file, LAYOUT)) in (1, 2)
    except (SourceError, ClipError) as error:
        assert str(error)  # noqa: PT017 - clips are as good


REAL = {
    "nucla": ("kinect20", 1484),
    "utd_mhad": ("utd20", 861),
    "msraction3d": ("msr20", 567),
    "sbu_interaction": ("sbu15", 282),
    "florence3d": ("florence15", 215),
    "utkinect": ("kinect20", 199),
    "jhmdb14_gt2d": ("jhmdb15", 609),
}


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore:clips in which every coordinate is zero")
@pytest.mark.parametrize("name", REAL)
def test_real_datasets_keep_their_counts(name: str, tmp_path: Path) -> None:
    layout, clips = REAL[name]
    file = realdata_path(f"{name}.npz")
    arrays, store = load_npz(file), stored(file, tmp_path, joints=layout)
    assert len(store) == clips
    assert store.classes == tuple(arrays["classes"].tolist())
    assert store.ids.tolist() == arrays["name"].tolist()
    assert store.clips["length"].tolist() == np.diff(arrays["offsets"]).tolist()
    for ours, theirs in {"label": "label", "subject": "subject", "camera": "view", "replication": "trial"}.items():
        if theirs in arrays:
            assert Counter(store.clips[ours].tolist()) == Counter(arrays[theirs].tolist())
    if "split" in arrays:
        train, test = (arrays["name"][arrays["split"] == side].tolist() for side in ("train", "test"))
        assert store.splits == {"own": (train, test)}
    i = len(store) // 2
    recorded = arrays["data"][arrays["offsets"][i] : arrays["offsets"][i + 1]]
    np.testing.assert_array_equal(store[i].xyz, recorded[None] if recorded.ndim == 3 else np.moveaxis(recorded, 1, 0))


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_datasets_hold_what_is_known_of_their_classes(name: str) -> None:
    table = REALDATA.parent / "specs" / "classes" / f"{name}.csv"
    labels = Counter(load_npz(realdata_path(f"{name}.npz"))["label"].tolist())
    rows = list(csv.DictReader(table.read_text().splitlines())) if table.exists() else []
    if not rows or "sequences_held" not in rows[0]:
        pytest.skip(f"no counts in {table}")
    assert labels == {int(row["label0"]): int(row["sequences_held"]) for row in rows}


@pytest.mark.realdata
def test_pairs_of_people_are_numbered_in_order_of_their_names(tmp_path: Path) -> None:
    file = realdata_path("sbu_interaction.npz")
    store, pairs = stored(file, tmp_path, joints="sbu15"), load_npz(file)["pair"]
    folders = sorted(set(pairs.tolist()))
    assert len(folders) == 21
    assert store.clips["setup"].tolist() == [folders.index(pair) + 1 for pair in pairs.tolist()]
