import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import realdata_path
from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.importers.txt2npy import Txt2Npy
from raw import read_one

NAME = "S002C003P008R001A050"


def bodies(count: int = 2, frames: int = 3) -> list[np.ndarray]:
    return [(np.arange(frames * 75.0).reshape(frames, 25, 3) + 1 + body) / 64 for body in range(count)]


def content(*arrays: object, **changes: Any) -> dict[str, Any]:
    found = {f"skel_body{body}": array for body, array in enumerate(arrays)}
    return {"file_name": NAME, "nbodys": [len(arrays)] * 3, "njoints": 25, **found, **changes}


def as_npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=True)
    return stream.getvalue()


def read(folder: Path, data: object, name: str = NAME) -> Clip:
    file = folder / f"{name}.skeleton.npy"
    file.write_bytes(data if isinstance(data, bytes) else as_npy(data))
    importer = Txt2Npy(path=file)
    return importer.read(importer.find(file)[0])[0]


def test_clip_of_a_file(tmp_path: Path) -> None:
    first, second = bodies()
    second[1] = 0
    clip = read(tmp_path, content(first, second))
    np.testing.assert_array_equal(clip.xyz, np.stack([first, second]))
    assert clip.present.tolist() == [[True, True, True], [True, False, True]]
    assert (clip.id, clip.label, clip.setup, clip.camera, clip.subject) == (NAME, 49, 2, 3, 8)
    assert (clip.replication, clip.fps) == (1, 30)


@pytest.mark.realdata
def test_real_file_equals_the_text_it_was_made_of() -> None:
    folder = realdata_path("samples/ntu")
    importer = Txt2Npy(path=folder)
    (clip,) = importer.read(importer.find(folder)[0])
    original = read_one(datasets.get("ntu60")(), folder / f"{clip.id}.skeleton")
    np.testing.assert_array_equal(clip.xyz[0], original.xyz[0])
    np.testing.assert_array_equal(clip.present[0], original.present[0])
    for fact in ("id", "label", "subject", "camera", "setup", "replication", "fps"):
        assert getattr(clip, fact) == getattr(original, fact)


@pytest.mark.parametrize(("name", "classes"), [(NAME, 60), ("S018C001P041R001A061", 120), ("monday", 0)])
def test_classes_are_those_of_the_edition(tmp_path: Path, name: str, classes: int) -> None:
    (tmp_path / f"{name}.skeleton.npy").write_bytes(as_npy(content(*bodies())))
    store, _ = prepare(Txt2Npy(path=tmp_path), tmp_path, tmp_path / "store")
    assert len(store.classes) == classes
    assert store.ids.tolist() == [name]


MISTAKES: dict[str, tuple[object, str]] = {
    "numbers": (np.zeros((3, 25, 3)), "expected a pickled dict, found an array of float64"),
    "list": (np.array([1, "a"], dtype=object), "expected a pickled dict, found an array of object"),
    "no dict": (np.array(7, dtype=object), "expected a dict, found int"),
    "no body": (content(), r"expected bodies of one length, found \[\]"),
    "20 joints": (content(np.zeros((3, 20, 3))), r"skel_body0 as \(frames, 25, 3\) numbers, found \(3, 20, 3\)"),
    "text": (content("body"), r"expected skel_body0 .* found str"),
    "ragged": (content([[1], [2, 3]]), "expected skel_body0"),
    "other length": (content(*bodies(1), *bodies(1, frames=2)), "one length"),
    "NaN": (content(np.full((3, 25, 3), np.nan)), "NaN or infinity in skel_body0, frame 1"),
    "beyond float32": (content(np.full((3, 25, 3), 1e300)), "NaN or infinity"),
    "pickle alone": (pickle.dumps(content(*bodies())), r"no header of an \.npy"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    data, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, data)
    assert NAME in caught.value.path
    assert caught.value.fix


DATA = as_npy(content(*bodies()))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(tmp_path_factory.mktemp("cut"), DATA[:cut])
