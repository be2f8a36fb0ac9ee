"""Forward kinematics: bones keep their length, feet stay on the floor, left is the mirror image of right."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.synthetic.body import LAYOUT, LIMITS, Body, mirrored, within_limits, yaw


def _random_angles(seed: int, frames: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(LIMITS[..., 0], LIMITS[..., 1], (frames, *LIMITS.shape[:2]))


def _one(joint: str, flexion: float = 0, abduction: float = 0, twist: float = 0) -> np.ndarray:
    """Joint positions by name with a single joint turned, in degrees."""
    angles = np.zeros((1, LAYOUT.num_joints, 3))
    angles[0, LAYOUT.index(joint)] = np.radians([flexion, abduction, twist])
    return Body.of(1.75).pose(angles)[0]


def _move(joint: str, moved: str, **angles: float) -> np.ndarray:
    """Where turning ``joint`` takes ``moved``."""
    where = LAYOUT.index(moved)
    return (_one(joint, **angles) - _one(joint))[where]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.5, 1.95))
def test_bones_keep_their_length(seed: int, height: float) -> None:
    body = Body.of(height, {"right_knee": 1.05})
    xyz = body.stand(_random_angles(seed))
    for joint, parent in LAYOUT.bones:
        length = np.linalg.norm(xyz[:, joint] - xyz[:, parent], axis=-1)
        np.testing.assert_allclose(length, body.bone_lengths[joint], atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_other_hand_does_the_mirror_image(seed: int) -> None:
    body, angles = Body.of(1.7), _random_angles(seed)
    np.testing.assert_allclose(
        body.pose(mirrored(angles)), body.pose(angles)[:, list(LAYOUT.mirror)] * [-1, 1, 1], atol=1e-9
    )


def test_angles_turn_the_way_anatomy_says() -> None:
    right, up, back = np.eye(3)
    assert _move("right_shoulder", "right_hand", flexion=60) @ back < -0.3
    assert _move("right_shoulder", "right_hand", abduction=60) @ right > 0.3
    assert _move("left_shoulder", "left_hand", abduction=60) @ right < -0.3
    assert _move("right_elbow", "right_hand", flexion=90) @ back < -0.2
    assert _move("right_knee", "right_ankle", flexion=90) @ back > 0.3
    assert _move("right_hip", "right_knee", flexion=90) @ back < -0.3
    assert _move("spine_mid", "head", flexion=30) @ back < -0.1
    assert _move("spine_mid", "head", abduction=30) @ right > 0.1
    assert _move("spine_mid", "left_shoulder", twist=30) @ back > 0.05
    assert _move("right_shoulder", "right_hand", flexion=170) @ up > 0.8


def test_rest_pose_has_the_stated_height_and_stands_on_the_floor() -> None:
    xyz = Body.of(1.8).stand(np.zeros((1, LAYOUT.num_joints, 3)))[0]
    head, feet = LAYOUT.index("head"), LAYOUT.indices(("left_foot", "right_foot"))
    assert 1.65 < xyz[head, 1] < 1.8
    np.testing.assert_allclose(xyz[feet, 1], 0.02)
    assert xyz[LAYOUT.index("right_hip"), 0] > 0 > xyz[LAYOUT.index("left_hip"), 0]


def test_the_standing_foot_stays_while_the_other_swings() -> None:
    angles = np.zeros((20, LAYOUT.num_joints, 3))
    angles[:, LAYOUT.index("right_hip"), 0] = np.linspace(np.radians(30), np.radians(80), 20)
    xyz = Body.of(1.7).stand(angles)
    standing, swinging = (xyz[:, LAYOUT.index(f"{side}_ankle")] for side in ("left", "right"))
    assert np.abs(standing - standing[0]).max() < 0.03
    assert np.abs(swinging - swinging[0]).max() > 0.4


def test_limits_clip_and_yaw_turns_left() -> None:
    assert within_limits(np.full((1, *LIMITS.shape[:2]), 9.0))[0, LAYOUT.index("left_knee"), 0] == np.radians(140)
    np.testing.assert_allclose(yaw(np.pi / 2) @ [0, 0, -1], [-1, 0, 0], atol=1e-12)
