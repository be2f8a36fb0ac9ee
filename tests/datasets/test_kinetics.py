import json
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
from kineme.splits import get_split
from raw import read_one

VIDEO = "-0BveUV52cM"


def person(x: float, score: float = 0.5) -> dict[str, list[float]]:
    """Somebody whose joints lie about x, with the last joint not found."""
    pose = np.stack([x + np.arange(18) / 1000, np.full(18, 0.25)], axis=1)
    pose[17] = 0
    return {"pose": pose.flatten().tolist(), "score": [score] * 17 + [0.0]}


def video(*frames: list[Any], **changes: Any) -> dict[str, Any]:
    data = [{"frame_index": t, "skeleton": people} for t, people in enumerate(frames, start=1)]
    return {"data": data, "label": "dining", "label_index": 91} | changes


def written(folder: Path, content: object, name: str = VIDEO) -> Path:
    file = folder / f"{name}.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def read(folder: Path, content: object, preparation: str = "default") -> Clip:
    return read_one(datasets.get("kinetics")(preparation), written(folder, content))


def places(clip: Clip) -> list[list[float | None]]:
    """x of everybody's first joint, slot by slot; None where absent."""
    return [
        [round(float(x), 3) if here else None for x, here in zip(xs, present, strict=True)]
        for xs, present in zip(clip.xyz[:, :, 0, 0], clip.present, strict=True)
    ]


def test_clip_of_a_file(tmp_path: Path) -> None:
    clip = read(tmp_path, video([], [person(0.2)], []))
    assert (clip.id, clip.label, clip.fps) == (VIDEO, 91, 30)
    assert clip.xyz.shape == (1, 3, 18, 2)
    assert clip.present.tolist() == [[False, True, False]]
    np.testing.assert_array_equal(clip.xyz[0, 1], np.array(person(0.2)["pose"], np.float32).reshape(18, 2))
    assert clip.confidence is not None
    np.testing.assert_array_equal(clip.confidence[0, 1], np.array(person(0.2)["score"], np.float32))
    assert not clip.xyz[0, [0, 2]].any()


def test_joint_that_was_not_found_is_zero(tmp_path: Path) -> None:
    somebody = person(0.2)
    somebody["pose"][-2:] = 0.3, 0.4
    assert not read(tmp_path, video([somebody])).xyz[0, 0, 17].any()


def test_the_two_best_of_the_first_five_are_kept(tmp_path: Path) -> None:
    people = [person(0.1 * (i + 1), score) for i, score in enumerate((0.1, 0.4, 0.2, 0.9, 0.3, 1.0))]
    assert places(read(tmp_path, video(people))) == [[0.4], [0.2]]


def test_people_stay_in_their_slots(tmp_path: Path) -> None:
    left, right = person(0.2, 0.5), person(0.7, 0.6)
    clip = read(tmp_path, video([right, left], [left], [right], [person(0.25, 0.9), right], []))
    assert places(clip) == [[0.7, None, 0.7, 0.7, None], [0.2, 0.2, None, 0.25, None]]


def test_second_slot_is_for_a_second_person(tmp_path: Path) -> None:
    clip = read(tmp_path, video([person(0.2)], [person(0.8)], [person(0.3, 0.9), person(0.75)]))
    assert places(clip) == [[0.2, 0.8, 0.75], [None, None, 0.3]]


def test_person_without_any_joint_is_nobody(tmp_path: Path) -> None:
    clip = read(tmp_path, video([person(0.2), person(0.5, 0.0)]))
    assert places(clip) == [[0.2]]


@pytest.mark.parametrize("preparation", ["default", "reference"])
def test_video_of_nobody_has_nobody(tmp_path: Path, preparation: str) -> None:
    assert not read(tmp_path, video([], []), preparation).present.any()


def test_reference_sorts_each_frame_by_score(tmp_path: Path) -> None:
    frames = [person(0.2, 0.5), person(0.7, 0.6)], [person(0.2, 0.9), person(0.7, 0.6)]
    clip = read(tmp_path, video(*frames), "reference")
    assert clip.xyz.shape == (2, 300, 18, 2)
    assert np.flatnonzero(clip.present[0]).tolist() == [1, 2]
    np.testing.assert_allclose(clip.xyz[:, 1:3, 0, 0], [[0.2, -0.3], [-0.3, 0.2]], atol=1e-6)
    assert not clip.xyz[:, :, 17].any()


def stgcn(content: dict[str, Any]) -> np.ndarray:
    """(2, 300, 18, 3) x, y and score of ST-GCN's arrays, frame by frame."""
    everybody = np.zeros((300, 5, 18, 3))
    for entry in content["data"]:
        for slot, one in enumerate(entry["skeleton"][:5]):
            xy = np.array(one["pose"]).reshape(18, 2) - 0.5
            everybody[entry["frame_index"], slot] = np.column_stack([xy, one["score"]])
    everybody[everybody[..., 2] == 0] = 0
    kept = [frame[np.argsort(-frame[..., 2].sum(axis=1), kind="stable")[:2]] for frame in everybody]
    return np.array(kept).swapaxes(0, 1)


@pytest.mark.realdata
def test_reference_equals_the_rule_of_stgcn() -> None:
    dataset = datasets.get("kinetics")("reference")
    for source in dataset.find(realdata_path("samples/kinetics")):
        clip = read_one(dataset, source)
        expected = stgcn(json.loads(source.file.read_bytes())).astype(np.float32)
        assert clip.confidence is not None
        bodies = len(clip.present)
        np.testing.assert_array_equal(clip.xyz, expected[:bodies, ..., :2])
        np.testing.assert_array_equal(clip.confidence, expected[:bodies, ..., 2])
        assert not expected[bodies:].any()


@pytest.mark.realdata
def test_default_holds_the_people_of_the_reference() -> None:
    for source in datasets.get("kinetics")().find(realdata_path("samples/kinetics")):
        ours, theirs = (
            read_one(datasets.get("kinetics")(preparation), source) for preparation in ("default", "reference")
        )
        T = ours.present.shape[1]
        np.testing.assert_array_equal(ours.present.sum(axis=0), theirs.present.sum(axis=0)[1 : T + 1])
        assert ours.confidence is not None
        assert theirs.confidence is not None
        np.testing.assert_allclose(ours.confidence.sum(), theirs.confidence.sum(), rtol=1e-6)


@pytest.mark.realdata
def test_real_labels_are_those_of_the_classes() -> None:
    dataset = datasets.get("kinetics")()
    for source in dataset.find(realdata_path("samples/kinetics")):
        assert dataset.classes[read_one(dataset, source).label or 0] == json.loads(source.file.read_bytes())["label"]
    entries = json.loads(realdata_path("samples/kinetics/kinetics_val_label.json").read_bytes()).values()
    assert {entry["label_index"]: entry["label"] for entry in entries} == dict(enumerate(dataset.classes))


def label_file(**has_skeleton: bool) -> dict[str, Any]:
    return {name: {"has_skeleton": has, "label": "x", "label_index": 0} for name, has in has_skeleton.items()}


def test_label_files_are_the_split(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a", "b", "c"):
        written(raw, video([person(0.2)]), name)
    written(raw, label_file(a=True, b=True, gone=False), "kinetics_train_label")
    assert datasets.get("kinetics")().survey(raw).splits == {}
    written(raw, label_file(c=True), "kinetics_val_label")
    store, report = prepare(datasets.get("kinetics")(), raw, tmp_path / "out")
    assert (report.ok, report.files, store.has_confidence) == (True, 3, True)
    train, test = get_split(store, "kinetics")
    assert (store.ids[train].tolist(), store.ids[test].tolist()) == (["a", "b"], ["c"])


@pytest.mark.realdata
def test_real_label_file_lists_the_videos_with_people(tmp_path: Path) -> None:
    written(tmp_path, realdata_path("samples/kinetics/kinetics_val_label.json").read_text(), "kinetics_val_label")
    written(tmp_path, label_file(), "kinetics_train_label")
    written(tmp_path, video([person(0.2)]))
    train, test = datasets.get("kinetics")().survey(tmp_path).splits["kinetics"]
    assert (len(train), len(test)) == (0, 19_796)


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', '{"a": {"label": "x"}}', "{", "[" * 100_000])
def test_mistake_in_a_label_file(tmp_path: Path, content: str) -> None:
    written(tmp_path, content, "kinetics_train_label")
    written(tmp_path, label_file(), "kinetics_val_label")
    written(tmp_path, video([person(0.2)]))
    with pytest.raises(SourceError, match=r"kinetics_train_label.json:.*(not JSON|has_skeleton for every video)"):
        datasets.get("kinetics")().survey(tmp_path)


def test_video_that_trains_and_tests(tmp_path: Path) -> None:
    written(tmp_path, label_file(a=True, b=True), "kinetics_train_label")
    written(tmp_path, label_file(b=True, c=True), "kinetics_val_label")
    written(tmp_path, video([person(0.2)]))
    with pytest.raises(SourceError, match=r"kinetics_val_label\.json: b trains and tests"):
        datasets.get("kinetics")().survey(tmp_path)


def test_label_and_its_number_must_agree(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"label_index 90 means .*, label says 'dining'"):
        read(tmp_path, video([person(0.2)], label_index=90))


@pytest.mark.parametrize("index", [None, -1])
def test_label_may_be_unknown(tmp_path: Path, index: int | None) -> None:
    assert read(tmp_path, video([person(0.2)], label_index=index)).label is None


def with_person(**changes: object) -> dict[str, Any]:
    return video([], [person(0.2), person(0.4) | changes])


FRAME_2 = r"skeleton as a list of pose \(36 finite numbers\) and score .* in entry 2 of data"
MISTAKES: dict[str, tuple[object, str]] = {
    "list": ([1, 2], "expected the keys .* found list"),
    "keys": ({"frames": []}, r"expected the keys .* found \['frames'\]"),
    "cut": (json.dumps(video([person(0.2)]))[:-30], "not JSON"),
    "number without end": ("[" + "1" * 5000 + "]", "not JSON"),
    "no frames": (video(), "no frames"),
    "data is text": (video(data="abc"), "no frames"),
    "frame is a number": (video([], data=[{"skeleton": []}, 7]), FRAME_2),
    "no skeleton": (video([], data=[{"skeleton": []}, {"frame_index": 2}]), FRAME_2),
    "skeleton is an object": (video([], {}), FRAME_2),  # pyright: ignore[reportArgumentType]
    "person is a number": (video([], [7]), FRAME_2),
    "no score": (video([], [{"pose": [0.1] * 36}]), FRAME_2),
    "17 joints": (with_person(pose=[0.1] * 34), FRAME_2),
    "17 scores": (with_person(score=[0.1] * 17), FRAME_2),
    "nested": (with_person(score=[[0.1] * 18]), FRAME_2),
    "text": (with_person(pose=["0.1"] * 36), FRAME_2),
    "null": (with_person(pose=[None] * 36), FRAME_2),
    "NaN": (with_person(pose=[float("nan")] * 36), FRAME_2),
    "beyond float32": (with_person(pose=[1e39] * 36), FRAME_2),
    "beyond float64": (with_person(pose=[0.1] * 35 + [10**400]), FRAME_2),
    "negative score": (with_person(score=[-0.1] * 18), FRAME_2),
    "label beyond": (video([person(0.2)], label_index=400), "label_index from 0 to 399, found 400"),
    "label as text": (video([person(0.2)], label_index="91"), "label_index from 0 to 399, found '91'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    content, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, content)
    assert VIDEO in caught.value.path
    assert caught.value.fix


@pytest.mark.parametrize("indices", [[2, 1], [1, 1], [1, 300], [-1, 0], ["1", "2"], [None, 1]])
def test_reference_needs_the_frame_index(tmp_path: Path, indices: list[Any]) -> None:
    data = [{"frame_index": index, "skeleton": [person(0.2)]} for index in indices]
    with pytest.raises(SourceError, match="frame_index to ascend and stay below 300") as caught:
        read(tmp_path, video(data=data), "reference")
    assert "--preparation default" in caught.value.fix
    assert read(tmp_path, video(data=data)).present.all()


TEXT = json.dumps(video([person(0.2), person(0.6)], []))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        read(tmp_path_factory.mktemp("cut"), TEXT[:cut])
