"""Performances look human: proportions, floor, speeds, ranges of motion, contact, and variety."""

import numpy as np
import pytest

from kineme.synthetic.body import LAYOUT
from kineme.synthetic.motions import AT_EASE, HELD_ARMS, MOTIONS, Motion, Pose
from kineme.synthetic.performance import FPS, Performer, perform

_FEET = LAYOUT.indices(("left_foot", "right_foot", "left_ankle", "right_ankle"))
_TRUNK = LAYOUT.indices(("spine_base", "spine_mid", "spine_shoulder", "head"))


def _performance(name: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    people = tuple(Performer.draw(rng) for _ in range(2 if MOTIONS[name].partner else 1))
    return perform(MOTIONS[name], people, rng)


def _bend(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle between two bones, 0 where the limb is straight."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.arccos(np.clip((first * second).sum(axis=-1) / lengths, -1, 1))


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("seed", range(4))
def test_plausible(name: str, seed: int) -> None:
    xyz = _performance(name, seed)
    assert 0.8 < xyz.shape[1] / FPS < 7

    bones = np.stack([np.linalg.norm(xyz[:, :, j] - xyz[:, :, p], axis=-1) for j, p in LAYOUT.bones])
    assert np.ptp(bones, axis=-1).max() < 1e-9

    for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        for side in ("left", "right"):
            upper, middle, lower = (xyz[:, :, LAYOUT.index(f"{side}_{joint}")] for joint in limb)
            assert _bend(middle - upper, lower - middle).max() <= np.radians(151)

    lowest = xyz[:, :, _FEET, 1].min(axis=-1)
    assert xyz[..., 1].min() > 0
    assert lowest.max() < (0.5 if name == "jump" else 0.07)

    speed = np.linalg.norm(np.diff(xyz, axis=1), axis=-1) * FPS
    assert speed.max() < 13
    assert speed[:, :, _TRUNK].max() < 5


@pytest.mark.parametrize("name", MOTIONS)
def test_no_two_performances_are_alike(name: str) -> None:
    first, second = _performance(name, 1), _performance(name, 2)
    frames = min(first.shape[1], second.shape[1])
    assert np.abs(first[:, :frames] - second[:, :frames]).max() > 0.1


def test_motions_do_what_their_names_say() -> None:
    head, root = LAYOUT.index("head"), LAYOUT.root
    hands = LAYOUT.indices(("left_hand", "right_hand"))
    sit, stand = _performance("sit down", 3)[0, :, root, 1], _performance("stand up", 3)[0, :, root, 1]
    assert sit[-1] < sit[0] - 0.25
    assert stand[-1] > stand[0] + 0.25
    assert _performance("jump", 3)[0, :, _FEET, 1].min(axis=0).max() > 0.1
    bow = _performance("bow", 3)[0, :, head, 1]
    assert bow.min() < bow[0] - 0.2
    drinks = [_performance("drink", seed)[0] for seed in range(5)]
    to_head = [np.linalg.norm(xyz[:, hands] - xyz[:, [head]], axis=-1).min() for xyz in drinks]
    assert np.median(to_head) < 0.3


@pytest.mark.parametrize("seed", range(5))
def test_hands_meet(seed: int) -> None:
    xyz = _performance("shake hands", seed)
    hand = LAYOUT.index("right_hand")
    assert np.linalg.norm(xyz[0, :, hand] - xyz[1, :, hand], axis=-1).min() < 0.35
    assert np.linalg.norm(xyz[0, :, LAYOUT.root] - xyz[1, :, LAYOUT.root], axis=-1).min() > 0.3


def _poses(motion: Motion) -> list[Pose]:
    own = [motion.start, motion.end, *(stroke.pose for stroke in motion.strokes(1))]
    return own + (_poses(motion.partner) if motion.partner else [])


def test_poses_name_joints_of_the_layout_and_partners_keep_step() -> None:
    for motion in MOTIONS.values():
        assert {joint for pose in _poses(motion) for joint in pose} <= set(LAYOUT.joints)
        if motion.partner:
            assert len(motion.partner.strokes(2)) == len(motion.strokes(2))
            assert motion.touches in LAYOUT.joints
    assert {joint for pose in (AT_EASE, *HELD_ARMS) for joint in pose} <= set(LAYOUT.joints)
