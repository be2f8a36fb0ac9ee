import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.datasets import datasets
from kineme.datasets.base import Source
from kineme.errors import SourceError
from raw import read_one, source_of

NAME = "a08_s03_e02_v01"


def content(**changes: Any) -> dict[str, Any]:
    skeletons = np.arange(2 * 20 * 3, dtype=float).reshape(2, 20, 3).tolist()
    return {"file_name": NAME, "skeletons": skeletons, "label": 7} | changes


def written(folder: Path, data: object, name: str = NAME) -> Source:
    file = folder / f"{name}.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return source_of(file)


def test_clip_of_a_file(tmp_path: Path) -> None:
    clip = read_one(datasets.get("nucla")(), written(tmp_path, content()))
    assert (clip.label, clip.subject, clip.replication, clip.camera) == (6, 3, 2, 1)
    np.testing.assert_array_equal(clip.xyz, np.arange(120, dtype=np.float32).reshape(1, 2, 20, 3))
    assert clip.present.all()


def test_one_frame_is_enough(tmp_path: Path) -> None:
    clip = read_one(datasets.get("nucla")(), written(tmp_path, content(skeletons=[[[1, 2, 3]] * 20])))
    assert clip.xyz.shape == (1, 1, 20, 3)


@pytest.mark.realdata
def test_real_files_equal_an_independent_reading() -> None:
    dataset, other = datasets.get("nucla")(), load_npz(realdata_path("nucla.npz"))
    for source in dataset.find(realdata_path("samples/nucla")):
        clip = read_one(dataset, source)
        i = other["name"].tolist().index(source.id)
        np.testing.assert_array_equal(clip.xyz[0], other["data"][other["offsets"][i] : other["offsets"][i + 1]])
        found = (clip.label, clip.subject, clip.camera, clip.replication)
        assert found == tuple(int(other[key][i]) for key in ("label", "subject", "view", "trial"))


@pytest.mark.realdata
def test_classes_are_in_the_order_of_the_labels() -> None:
    other = load_npz(realdata_path("nucla.npz"))
    assert list(datasets.get("nucla")().classes) == other["classes"].tolist()


def with_joint(joint: object) -> dict[str, Any]:
    skeletons = content()["skeletons"]
    skeletons[1][4] = joint
    return content(skeletons=skeletons)


MISTAKES: dict[str, tuple[object, str]] = {
    "list": ([1, 2], "expected the keys .* found list"),
    "keys": ({"frames": [], "id": 3}, r"expected the keys .* found \['frames', 'id'\]"),
    "cut": (json.dumps(content())[:-300], "not JSON"),
    "nested without end": ("[" * 100_000, "not JSON"),
    "no frames": (content(skeletons=[]), "no frames"),
    "text": (content(skeletons="none"), "no frames"),
    "flat": (content(skeletons=[[0.0] * 60]), "frame 1, found 60 joints of 0 values"),
    "15 joints": (content(skeletons=[[[0, 0, 1]] * 15]), "20 joints of 3 numbers in frame 1, found 15 joints of 3"),
    "2 coordinates": (with_joint([1, 2]), "in frame 2, found 20 joints of 2 or 3 values"),
    "number for a frame": (content(skeletons=[7]), "in frame 1, found int"),
    "text for a number": (with_joint(["1", "2", "3"]), "in frame 2"),
    "null": (with_joint([None, 0, 0]), "in frame 2"),
    "NaN": (with_joint([float("nan"), 0, 0]), "NaN or infinity in frame 2"),
    "beyond float32": (with_joint([1e39, 0, 0]), "NaN or infinity in frame 2"),
    "other name": (content(file_name="a08_s03_e02_v02"), "is called a08_s03_e02_v01, but inside 'a08_s03_e02_v02'"),
    "other label": (content(label=8), "means label 7, inside it says 8"),
    "label as text": (content(label="7"), "means label 7, inside it says '7'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    data, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        datasets.get("nucla")().read(written(tmp_path, data))
    assert NAME in caught.value.path
    assert caught.value.fix


@pytest.mark.parametrize(("name", "problem"), [("store", "name like a01"), ("a07_s01_e00_v01", "action 7 does not")])
def test_name_out_of_grammar(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        datasets.get("nucla")().read(written(tmp_path, content(), name))


TEXT = json.dumps(content())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    source = written(tmp_path_factory.mktemp("cut"), TEXT[:cut])
    with pytest.raises(SourceError):
        datasets.get("nucla")().read(source)
