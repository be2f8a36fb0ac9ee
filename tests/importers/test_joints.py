from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kineme.datasets.base import SourceWarning
from kineme.errors import SourceError
from kineme.importers.joints import match_joints, spelling
from kineme.layout import Layout

LAYOUT = Layout.get("florence15")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("left_shoulder", "left_shoulder"),
        ("Shoulder_L", "left_shoulder"),
        ("LeftShoulder", "left_shoulder"),
        ("LEFT SHOULDER", "left_shoulder"),
        ("shoulder-left", "left_shoulder"),
        ("L_Shoulder", "left_shoulder"),
        ("rHand", "right_hand"),
        ("RightHandTip", "right_hand_tip"),
        ("HandTipRight", "right_hand_tip"),
        ("mixamorig:LeftHand", "mixamorig_left_hand"),  # the side stands neither first nor last
        ("Spine1", "spine_1"),
        ("lfemur", "lfemur"),
        ("L", "l"),
        ("頭", "頭"),
        ("", ""),
    ],
)
def test_spelling(name: str, expected: str) -> None:
    assert spelling(name) == expected


@pytest.mark.parametrize("name", Layout.names())
def test_joints_of_every_layout_keep_their_names(name: str) -> None:
    layout = Layout.get(name)
    assert [spelling(joint) for joint in layout.joints] == list(layout.joints)
    assert match_joints(layout.joints, layout, "file") == list(range(layout.num_joints))


@pytest.mark.parametrize("name", Layout.names())
def test_aliases_of_every_layout_find_their_joints(name: str) -> None:
    layout = Layout.get(name)
    theirs = {ours: name for name, ours in layout.aliases}
    found = [theirs.get(joint, joint) for joint in layout.joints]
    assert match_joints(found, layout, "file") == list(range(layout.num_joints))


@given(st.permutations(range(15)))
def test_any_order_is_found(order: list[int]) -> None:
    joints = [LAYOUT.joints[v] for v in order]
    assert [order[position] for position in match_joints(joints, LAYOUT, "file")] == list(range(15))


def test_an_alias_goes_before_another_spelling() -> None:
    layout = Layout.get("bandai21")
    theirs = {ours: name for name, ours in layout.aliases}
    found = [theirs.get(joint, joint) for joint in layout.joints]
    assert found[layout.index("left_clavicle")] == "Shoulder_L"  # also a spelling of left_shoulder
    positions = match_joints(found, layout, "file")
    assert positions[layout.index("left_shoulder")] == found.index("UpperArm_L")
    assert match_joints(layout.joints, layout, "file") == list(range(21))


def test_a_joint_by_its_own_name_goes_before_an_alias() -> None:
    found = ["neck", *LAYOUT.joints]  # neck is an alias of spine_shoulder
    with pytest.warns(SourceWarning, match="left out: neck"):
        positions = match_joints(found, LAYOUT, "file")
    assert positions == list(range(1, 16))


def test_of_two_joints_of_one_name_the_first_counts() -> None:
    with pytest.warns(SourceWarning, match="layout florence15 does not have were left out: head"):
        positions = match_joints([*LAYOUT.joints, "head"], LAYOUT, "file")
    assert positions == list(range(15))


def test_joints_left_out_are_named() -> None:
    text = "^joints that layout florence15 does not have were left out: tail, left_wing$"
    with pytest.warns(SourceWarning, match=text):
        positions = match_joints(["tail", *LAYOUT.joints, "left_wing"], LAYOUT, "file")
    np.testing.assert_array_equal(positions, range(1, 16))


def test_missing_joints_and_those_to_spare_are_named() -> None:
    found = [joint.replace("knee", "middle") for joint in LAYOUT.joints]
    with pytest.raises(SourceError) as caught:
        match_joints(found, LAYOUT, "walk.csv")
    assert caught.value.path == "walk.csv"
    assert "no joint for left_knee, right_knee of layout florence15" in caught.value.problem
    assert caught.value.problem.endswith("have no place in it: left_middle, right_middle")
    assert "[aliases]" in caught.value.fix
    with pytest.raises(SourceError, match="no place in it: none"):
        match_joints([], LAYOUT, "walk.csv")


def test_aliases_of_ones_own_layout() -> None:
    found = [joint.replace("left_knee", "KnieLinks").replace("right_knee", "KnieRechts") for joint in LAYOUT.joints]
    layout = replace(LAYOUT, aliases=(("knie_links", "left_knee"), ("Knie Rechts", "right_knee")))
    assert match_joints(found, layout, "file") == list(range(15))
