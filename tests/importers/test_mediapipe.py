import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import Clip
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from kineme.importers.mediapipe import MediaPipe
from kineme.layout import Layout

LAYOUT = Layout.get("mediapipe33")
BODY = np.random.default_rng(0).normal(size=(33, 3)) * 0.3
BODY[LAYOUT.indices(LAYOUT.origin)] = [[0.1, 0, 0], [-0.1, 0, 0]]
IMAGE = BODY * 0.2 + 0.5


def marks(xyz: np.ndarray = BODY, visibility: object = 0.5) -> list[dict[str, Any]]:
    """A pose as MediaPipe's landmarks."""
    return [{"x": x, "y": y, "z": z, "visibility": visibility, "presence": 1.0} for x, y, z in xyz.tolist()]


def own_layout(folder: Path, **changes: str) -> str:
    """Path of a layout like mediapipe33, but in other units or axes."""
    layout = {**LAYOUT.to_dict(), "name": "mine", **changes}
    lines = [f"{key} = {json.dumps(layout[key])}" for key in ("name", "unit", "up", "origin", "across")]
    for table in ("tree", "parts"):
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in layout[table].items())]
    (folder / "mine.toml").write_text("\n".join(lines))
    return str(folder / "mine.toml")


def read(folder: Path, content: object, **options: Any) -> Clip:
    file = folder / "walk.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    importer = MediaPipe(path=file, **options)
    (clip,) = importer.read(importer.find(file)[0])
    return clip


FORMS: dict[str, object] = {
    "result": {"pose_world_landmarks": [marks()], "pose_landmarks": [marks(IMAGE)]},
    "one pose": {"pose_world_landmarks": marks(), "pose_landmarks": marks(IMAGE), "time": 40},
    "script": {"worldLandmarks": [marks()], "landmarks": [marks(IMAGE)]},
    "list of poses": [marks()],
    "pose": marks(),
}


@pytest.mark.parametrize("form", FORMS)
def test_world_landmarks_in_every_form(tmp_path: Path, form: str) -> None:
    clip = read(tmp_path, [FORMS[form]] * 2, fps=30)
    np.testing.assert_allclose(clip.xyz, np.broadcast_to(BODY, (1, 2, 33, 3)), rtol=1e-6)
    assert clip.confidence is not None
    assert (clip.confidence == 0.5).all()
    assert (clip.id, clip.fps, clip.label) == ("walk", 30, None)


def test_nobody_in_a_frame_is_absence(tmp_path: Path) -> None:
    empty = [None, [], {}, [[]], {"pose_world_landmarks": None}, {"pose_world_landmarks": [], "pose_landmarks": []}]
    clip = read(tmp_path, [*empty, marks()])
    assert clip.present.tolist() == [[False] * 6 + [True]]
    assert not clip.xyz[~clip.present].any()


def test_people_keep_their_slots(tmp_path: Path) -> None:
    others = BODY[:, [0, 2, 1]]
    clip = read(tmp_path, [[marks(), marks(others)], [marks(others * 1.05), marks(BODY * 1.05)]])
    np.testing.assert_allclose(clip.xyz[0], [BODY, BODY * 1.05], rtol=1e-5)
    np.testing.assert_allclose(clip.xyz[1], [others, others * 1.05], rtol=1e-5)
    assert len(read(tmp_path, [[marks(), marks(others)]], bodies=1).xyz) == 1


@pytest.mark.parametrize(("up", "axes"), [("-y", (0, 1, 2)), ("+y", (0, 1, 2)), ("+z", (0, 2, 1))])
def test_axes_are_the_layouts(tmp_path: Path, up: str, axes: tuple[int, ...]) -> None:
    clip = read(tmp_path, [marks()], joints=own_layout(tmp_path, up=up))
    signs = {"-y": [1, 1, 1], "+y": [1, -1, -1], "+z": [1, 1, -1]}[up]
    np.testing.assert_allclose(clip.xyz[0, 0], BODY[:, axes] * signs, rtol=1e-6)
    rotation = np.linalg.lstsq(BODY, clip.xyz[0, 0], rcond=None)[0]
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_image_landmarks_for_a_layout_of_pictures(tmp_path: Path) -> None:
    clip = read(tmp_path, [FORMS["result"]], joints=own_layout(tmp_path, unit="image"))
    np.testing.assert_allclose(clip.xyz[0, 0], IMAGE[:, :2], rtol=1e-6)
    with pytest.raises(SourceError, match=r"frame 1 has no pose_landmarks.*parts of the picture"):
        read(tmp_path, [{"world_landmarks": marks()}], joints=own_layout(tmp_path, unit="image"))


def test_visibility_may_be_unknown(tmp_path: Path) -> None:
    clip = read(tmp_path, [marks(visibility=None)])
    assert clip.confidence is not None
    assert (clip.confidence == 1).all()


def test_recordings_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "walk.json").write_text(json.dumps([FORMS["result"]]))
    store, report = prepare(MediaPipe(path=tmp_path / "raw"), tmp_path / "raw", tmp_path / "store")
    assert report.ok
    assert store.layout.name == "mediapipe33"


def with_mark(mark: object) -> list[object]:
    return [marks(), [*marks()[:-1], mark]]


MISTAKES: dict[str, tuple[object, str]] = {
    "no JSON": ("[{", "not JSON"),
    "object": ({"frames": []}, "expected a list of frames, found an object"),
    "no frames": ([], "expected a list of frames, found an empty one"),
    "image landmarks": ([{"pose_landmarks": marks(IMAGE)}], "frame 1 has no pose_world_landmarks.*in metres"),
    "image landmarks, unnamed": ([marks(IMAGE)], r"middle of the hips at 0, found it 0\.\d+ away"),
    "other keys": ([{"hands": []}], "expected pose_world_landmarks in frame 1, found hands"),
    "number": ([marks(), 7], "expected landmarks in frame 2, found 7"),
    "numbers": ([[1, 2]], "expected a list of landmarks in frame 1, found 1"),
    "17 landmarks": ([marks(BODY[:17])], "expected 33 landmarks in frame 1, found 17"),
    "no z": (with_mark({"x": 0, "y": 0}), "landmarks with x, y and z in frame 2"),
    "list for a landmark": (with_mark([0, 0, 0]), "landmarks with x, y and z in frame 2"),
    "text": (with_mark({"x": "0", "y": 0, "z": 0}), "landmarks of pose 2, found 132 values, one of them text"),
    "NaN": (with_mark({"x": float("nan"), "y": 0, "z": 0}), "pose 2, found 132 values, one of them NaN"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    content, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, content)
    assert "walk.json" in caught.value.path
    assert caught.value.fix


TEXT = json.dumps([FORMS["result"]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(tmp_path_factory.mktemp("cut"), TEXT[:cut])
