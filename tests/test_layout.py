"""Layouts: the field's numbers, files that users write, and conversion by joint name."""

import json
import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from kineme.errors import LayoutError, UnknownNameError
from kineme.layout import Layout
from kineme.layout_mapping import counterpart

_DOCS = Path(__file__).parents[1] / "docs" / "layouts.md"
_NAMES = Layout.names()

# spec-data sections 1.2, 3, 5 and 6: parents of the bone stream (roots are their own) and left-right exchange.
_GCN_PARENTS = {
    "kinect25": "1 20 20 2 20 4 5 6 20 8 9 10 0 12 13 14 0 16 17 18 20 22 7 24 11",
    "kinect20": "1 2 2 2 2 4 5 6 2 8 9 10 0 12 13 14 0 16 17 18",
    "uwa15": "1 2 2 1 3 4 1 6 7 2 9 10 2 12 13",
    "sbu15": "1 2 2 1 3 4 1 6 7 2 9 10 2 12 13",
    "openpose18": "1 1 1 2 3 1 5 6 2 8 9 5 11 12 0 0 14 15",
    "coco17": "0 0 0 1 2 0 0 5 6 7 8 5 6 11 12 13 14",
}
_TREE_PARENTS = {
    "kinect25": "-1 0 20 2 20 4 5 6 20 8 9 10 0 12 13 14 0 16 17 18 1 7 7 11 11",
    "uwa15": "1 2 -1 1 3 4 1 6 7 2 9 10 2 12 13",
}
_MIRRORS = {
    "kinect25": "0 1 2 3 8 9 10 11 4 5 6 7 16 17 18 19 12 13 14 15 20 23 24 21 22",
    "kinect20": "0 1 2 3 8 9 10 11 4 5 6 7 16 17 18 19 12 13 14 15",
    "uwa15": "0 1 2 6 7 8 3 4 5 12 13 14 9 10 11",
    "openpose18": "0 1 5 6 7 2 3 4 11 12 13 8 9 10 15 14 17 16",
    "coco17": "0 2 1 4 3 6 5 8 7 10 9 12 11 14 13 16 15",
    "mediapipe33": "0 4 5 6 1 2 3 8 7 10 9 12 11 14 13 16 15 18 17 20 19 22 21 24 23 26 25 28 27 30 29 32 31",
}
_RECORDED_IN = {
    "nucla": "kinect20",
    "utkinect": "kinect20",
    "utd_mhad": "utd20",
    "msraction3d": "msr20",
    "florence3d": "florence15",
    "sbu_interaction": "sbu15",
}
_MAKERS_NAMES = {
    "hip_center": "spine_base",
    "spine": "spine_mid",
    "torso": "spine_mid",
    "shoulder_center": "spine_shoulder",
    "neck": "spine_shoulder",
}
_VALID: dict[str, Any] = {
    "name": "mine",
    "unit": "m",
    "up": "+y",
    "origin": ["spine_base"],
    "across": ["left_hip", "right_hip"],
    "tree": {"spine_base": "", "head": "spine_base", "left_hip": "spine_base", "right_hip": "spine_base"},
    "parts": {"trunk": ["spine_base", "head"], "legs": ["left_hip", "right_hip"]},
}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def _canonical(joint: str) -> str:
    """Our name of a joint of the small real datasets, which write ``elbow_l``."""
    place, _, side = joint.rpartition("_")
    return {"l": f"left_{place}", "r": f"right_{place}"}.get(side) or _MAKERS_NAMES.get(joint, joint)


@pytest.mark.parametrize("name", _GCN_PARENTS)
def test_bone_parents_are_those_of_the_literature(name: str) -> None:
    assert Layout.get(name).gcn_parents == _numbers(_GCN_PARENTS[name])


@pytest.mark.parametrize("name", _TREE_PARENTS)
def test_tree_is_anatomical(name: str) -> None:
    layout = Layout.get(name)
    assert layout.tree_parents == _numbers(_TREE_PARENTS[name])
    assert layout.tree_parents[layout.root] == -1
    assert len(layout.bones) == layout.num_joints - 1


@pytest.mark.parametrize("name", _MIRRORS)
def test_mirror_exchanges_left_and_right(name: str) -> None:
    assert Layout.get(name).mirror == _numbers(_MIRRORS[name])


def test_kinect25_parts_are_the_usual_five() -> None:
    parts = Layout.get("kinect25").part_indices
    assert parts == {
        "trunk": (0, 1, 2, 3, 20),
        "left_arm": (4, 5, 6, 7, 21, 22),
        "right_arm": (8, 9, 10, 11, 23, 24),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    }


@pytest.mark.realdata
@pytest.mark.parametrize("dataset", _RECORDED_IN)
def test_layout_fits_the_recordings(dataset: str) -> None:
    data = load_npz(realdata_path(f"{dataset}.npz"))
    layout = Layout.get(_RECORDED_IN[dataset])
    assert [_canonical(joint) for joint in data["joints"].tolist()] == list(layout.joints)
    height = np.nanmedian(data["data"][..., "xyz".index(layout.up[1])].reshape(-1, layout.num_joints), axis=0)
    height *= 1 if layout.up[0] == "+" else -1
    assert height[layout.index("head")] > height[layout.index("spine_mid")] > height[layout.index("left_knee")]


@pytest.mark.parametrize("name", _NAMES)
def test_plain_form_round_trips(name: str) -> None:
    layout = Layout.get(name)
    copy = Layout.from_dict(json.loads(json.dumps(layout.to_dict())))
    assert copy == layout
    assert len({copy, layout}) == 1
    assert all(copy != Layout.get(other) for other in _NAMES if other != name)


def test_get_knows_names_and_paths(tmp_path: Path) -> None:
    path = tmp_path / "coco17.toml"
    built_in = Path(__file__).parents[1] / "src" / "kineme" / "layouts" / "coco17.toml"
    path.write_text(built_in.read_text(encoding="utf-8"), encoding="utf-8")
    assert Layout.get(path) == Layout.get(str(path)) == Layout.get("coco17")
    with pytest.raises(UnknownNameError, match=r"perhaps you meant kinect25.*\.toml"):
        Layout.get("kinect52")
    with pytest.raises(LayoutError, match=r"nowhere\.toml: cannot be read"):
        Layout.get(tmp_path / "nowhere.toml")
    path.write_text("tree = [", encoding="utf-8")
    with pytest.raises(LayoutError, match=r"coco17\.toml: not TOML"):
        Layout.get(path)


def test_unknown_joint_is_named_with_its_layout() -> None:
    with pytest.raises(UnknownNameError, match=r"joint of layout kinect20 'left_hnd'; perhaps you meant left_hand"):
        Layout.get("kinect20").index("left_hnd")


def _edited(path: str, value: object) -> dict[str, Any]:
    """The valid form with one entry replaced, or removed where the value is None."""
    form = deepcopy(_VALID)
    *tables, key = path.split(".")
    table = form
    for name in tables:
        table = table.setdefault(name, {})
    if value is None:
        del table[key]
    else:
        table[key] = value
    return form


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tree", {"spine_base": ""}, "layout mine: a skeleton needs at least 2 joints.*found 1"),
        ("tree.right_hip", None, "layout mine: joint 'left_hip' has no 'right_hip'; add it"),
        ("tree.head", "spine_bas", "joint in tree 'spine_bas'; perhaps you meant spine_base"),
        ("tree.head", "", "tree needs exactly one root.*found spine_base, head"),
        ("tree.spine_base", "head", "tree needs exactly one root.*found none"),
        ("tree.head", "head", "tree runs in a circle through 'head'"),
        ("gcn.spine_base", "head", "gcn runs in a circle through '(head|spine_base)'"),
        ("gcn.head", "neck", "layout mine: unknown joint in gcn 'neck'"),
        ("gcn.tail", "head", "layout: unknown joint in gcn 'tail'"),
        ("parts.trunk", ["spine_base"], "parts: joint 'head' is in no part; list every joint"),
        ("parts.legs", ["left_hip", "right_hip", "head"], r"'head' is listed 2 times \(trunk, legs\)"),
        ("parts.legs", ["left_hip", "left_hip", "right_hip"], r"'left_hip' is listed 2 times \(legs, legs\)"),
        ("parts.tail", ["tail"], "unknown joint in parts 'tail'"),
        ("origin", ["spine"], "unknown joint in origin 'spine'; perhaps you meant spine_base"),
        ("origin", [], "origin is empty; name at least one"),
        ("across", ["left_hip", "right_hp"], "unknown joint in across 'right_hp'; perhaps you meant right_hip"),
        ("across", ["head", "head"], "name two joints, left then right"),
        ("unit", "mm", "unit is 'mm'; known: m, image"),
        ("up", "y", r"up is 'y'; known: \+y, -y, \+z"),
    ],
)
def test_contradiction_is_named(path: str, value: object, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        Layout.from_dict(_edited(path, value))


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("tree", ["spine_base", "head"], "tree"),
        ("tree", None, "tree"),
        ("tree.head", 3, r"tree\.head"),
        ("gcn", "head", "gcn"),
        ("parts", ["head"], "parts"),
        ("parts.trunk", "head", r"parts\.trunk"),
        ("origin", "spine_base", "origin"),
        ("origin", None, "origin"),
        ("across", ["left_hip"], "across"),
        ("name", 7, "name"),
        ("unit", 1.0, "unit"),
        ("trees", {}, "trees: unknown key; perhaps you meant tree"),
    ],
)
def test_wrong_form_is_named_with_file_and_key(path: str, value: object, key: str) -> None:
    with pytest.raises(LayoutError, match=rf"mine\.toml:\n  {key}"):
        Layout.from_dict(_edited(path, value), where="mine.toml")


def test_layout_made_in_python_is_checked_too() -> None:
    form = Layout.from_dict(_VALID)
    others = {key: getattr(form, key) for key in ("name", "tree", "gcn", "parts", "origin", "across")}
    with pytest.raises(LayoutError, match="joint 'head' is named 2 times"):
        Layout(joints=("head", "head", "left_hip", "right_hip"), **others)
    with pytest.raises(LayoutError, match="tree has 4 parents for 5 joints"):
        Layout(joints=(*form.joints, "tail"), **others)


@pytest.mark.parametrize("name", _NAMES)
def test_mapping_to_itself_is_the_identity(name: str) -> None:
    layout = Layout.get(name)
    mapping = layout.mapping_to(layout)
    assert mapping.dtype == np.float32
    np.testing.assert_array_equal(mapping, np.eye(layout.num_joints))


@given(source=st.sampled_from(_NAMES), target=st.sampled_from(_NAMES))
@settings(max_examples=100, deadline=None)
def test_mapping_is_a_mean_copies_shared_joints_and_knows_no_side(source: str, target: str) -> None:
    ours, theirs = Layout.get(source), Layout.get(target)
    mapping = ours.mapping_to(theirs)
    assert mapping.shape == (theirs.num_joints, ours.num_joints)
    assert (mapping >= 0).all()
    np.testing.assert_array_equal(mapping.sum(axis=1), 1)
    for joint in set(ours.joints) & set(theirs.joints):
        assert mapping[theirs.index(joint), ours.index(joint)] == 1
    np.testing.assert_array_equal(mapping[list(theirs.mirror)][:, list(ours.mirror)], mapping)


@given(st.sets(st.sampled_from(sorted({joint for name in _NAMES for joint in Layout.get(name).joints})), min_size=1))
@settings(max_examples=50, deadline=None)
def test_any_skeleton_converts_or_says_what_it_lacks(chosen: set[str]) -> None:
    joints = sorted(chosen | {counterpart(joint) for joint in chosen} | {"left_hip", "right_hip"})
    chain = dict(zip(joints, ["", *joints], strict=False))
    form = {"name": "some", "tree": chain, "parts": {"all": joints}, "origin": joints[:1], "across": joints[:2]}
    target = Layout.get("kinect25")
    try:
        mapping = Layout.from_dict(form).mapping_to(target)
    except LayoutError as error:
        lost = re.findall(r"\w+", str(error).split("stand in for ")[1].split(" (")[0])
        assert lost
        assert set(lost) <= set(target.joints) - set(joints)
    else:
        np.testing.assert_array_equal(mapping.sum(axis=1), 1)


def test_round_trip_keeps_shared_joints_exactly() -> None:
    large, small = Layout.get("kinect25"), Layout.get("kinect20")
    xyz = np.random.default_rng(0).normal(size=(7, 25, 3)).astype(np.float32)
    back = small.mapping_to(large) @ (large.mapping_to(small) @ xyz)
    shared = large.indices(small.joints)
    np.testing.assert_array_equal(back[:, shared], xyz[:, shared])


@pytest.mark.parametrize(
    ("source", "target", "joint", "stand_ins"),
    [
        ("coco17", "kinect25", "spine_base", {"left_hip": 0.5, "right_hip": 0.5}),
        (
            "coco17",
            "kinect25",
            "spine_mid",
            {"left_hip": 0.25, "right_hip": 0.25, "left_shoulder": 0.25, "right_shoulder": 0.25},
        ),
        ("openpose18", "kinect25", "neck", {"spine_shoulder": 1}),
        ("mediapipe33", "kinect20", "head", {"left_ear": 0.5, "right_ear": 0.5}),
        ("mediapipe33", "kinect25", "right_hand_tip", {"right_index": 0.5, "right_pinky": 0.5}),
        ("mediapipe33", "kinect25", "left_foot", {"left_toes": 1}),
        ("uwa15", "kinect20", "right_wrist", {"right_hand": 1}),
        ("uwa15", "kinect20", "left_ankle", {"left_foot": 1}),
        ("florence15", "mediapipe33", "right_heel", {"right_ankle": 1}),
        ("kinect20", "mediapipe33", "left_mouth", {"head": 1}),
    ],
)
def test_missing_joint_is_a_mean_of_its_stand_ins(
    source: str, target: str, joint: str, stand_ins: dict[str, float]
) -> None:
    ours, theirs = Layout.get(source), Layout.get(target)
    row = ours.mapping_to(theirs)[theirs.index(joint)]
    assert {ours.joints[v]: row[v] for v in np.flatnonzero(row)} == stand_ins


def standing(up: str) -> tuple[np.ndarray, np.ndarray]:
    """Someone who faces the sensor, seen with one axis up: the middle of the hips is (0, 0, 0), then head, right hand,
    and a point a metre further away."""
    seen = {
        "+y": [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
        "-y": [[0, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1]],
        "+z": [[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, -1, 0]],
    }
    return np.array(seen[up], np.float32), np.array(seen["+y"], np.float32)


@pytest.mark.parametrize("source", ["+y", "-y", "+z"])
@pytest.mark.parametrize("target", ["+y", "-y", "+z"])
def test_axes_are_turned_and_not_mirrored(source: str, target: str) -> None:
    ours, theirs = (Layout.from_dict({**_VALID, "up": up}) for up in (source, target))
    turn = ours.turn_to(theirs)
    np.testing.assert_array_equal(standing(source)[0] @ turn.T, standing(target)[0])
    np.testing.assert_array_equal(theirs.turn_to(ours) @ turn, np.eye(3))
    assert np.linalg.det(turn) == 1


def test_what_has_no_depth_is_turned_in_the_picture_only() -> None:
    up, down, forward = (Layout.from_dict({**_VALID, "up": up}) for up in ("+y", "-y", "+z"))
    np.testing.assert_array_equal(down.turn_to(up, channels=2), -np.eye(2))
    with pytest.raises(LayoutError, match=r"mine has \+z up, mine \+y: .* takes depth, and clips have 2 coordinates"):
        forward.turn_to(up, channels=2)


def test_conversion_without_stand_in_names_layouts_and_joints() -> None:
    with pytest.raises(LayoutError, match=r"layout mine cannot be converted to coco17.*left_shoulder.*left_knee"):
        Layout.from_dict(_VALID).mapping_to(Layout.get("coco17"))


def test_documentation_knows_every_layout_and_its_example_works(tmp_path: Path) -> None:
    text = _DOCS.read_text(encoding="utf-8")
    for layout in map(Layout.get, _NAMES):
        row = rf"\| `{layout.name}` \| {layout.num_joints} \| .* \| {layout.unit} \| {re.escape(layout.up)} \|"
        assert re.search(row, text), layout.name
    example = text.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "mocap9.toml"
    path.write_text(example, encoding="utf-8")
    assert Layout.get(path).joints == tuple(tomllib.loads(example)["tree"])
    Layout.get("kinect25").mapping_to(Layout.get(path))
