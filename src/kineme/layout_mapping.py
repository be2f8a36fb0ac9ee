"""Joints and axes across layouts: left and right, what stands in for a joint that a skeleton lacks, what is up."""

from collections.abc import Sequence

import numpy as np

# Joint to alternatives, the best first. An alternative is one joint or several whose mean stands in; they may
# have stand-ins themselves. The lines of left joints hold for right ones too.
_STAND_INS: dict[str, tuple[tuple[str, ...], ...]] = {
    "spine_base": (("left_hip", "right_hip"),),
    "spine_lower": (("spine_base", "spine_mid"),),
    "spine_mid": (("spine_base", "spine_shoulder"),),
    "chest": (("spine_mid", "spine_shoulder"),),
    "spine_shoulder": (("left_shoulder", "right_shoulder"), ("neck",)),
    "neck": (("spine_shoulder",),),
    "upper_neck": (("neck",),),
    "head": (("left_ear", "right_ear"), ("nose",)),
    "nose": (("head",),),
    "left_ear": (("head",),),
    "left_eye": (("head",),),
    "left_eye_inner": (("left_eye",),),
    "left_eye_outer": (("left_eye",),),
    "left_mouth": (("nose",),),
    "left_clavicle": (("spine_shoulder",),),
    "left_wrist": (("left_hand",),),
    "left_hand": (("left_index", "left_pinky"), ("left_wrist",)),
    "left_hand_tip": (("left_hand",),),
    "left_fingers": (("left_hand_tip",), ("left_hand",)),
    "left_thumb": (("left_hand",),),
    "left_index": (("left_hand",),),
    "left_pinky": (("left_hand",),),
    "left_ankle": (("left_foot",),),
    "left_foot": (("left_toes",), ("left_ankle",)),
    "left_heel": (("left_ankle",),),
    "left_toes": (("left_foot",),),
    "left_small_toe": (("left_toes",),),
}


# Rotations to y up. Nothing is mirrored, and depth stays depth: what is upside down is turned about the line of sight.
_TO_Y_UP = {
    "+y": np.eye(3, dtype=np.float32),
    "-y": np.diag(np.array([-1, -1, 1], np.float32)),
    "+z": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32),
}
UP_AXES = tuple(_TO_Y_UP)


def turn(up: str, target_up: str) -> np.ndarray:
    """Rotation (3, 3) float32 that brings coordinates with one axis up to another: x_new = turn @ x."""
    return _TO_Y_UP[target_up].T @ _TO_Y_UP[up]


def counterpart(joint: str) -> str:
    """The joint on the other side of the body; a middle joint is its own."""
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint


def joint_weights(joint: str, source: Sequence[str], pending: frozenset[str] = frozenset()) -> np.ndarray | None:
    """How a joint is had from those of a skeleton.

    Args:
        joint: name of the wanted joint.
        source: V names of the skeleton's joints.
        pending: joints that wait for this one, and so cannot help to find it.

    Returns:
        (V,) float32 weights that sum to one, or None where it cannot be had.
    """
    if joint in source:
        return np.eye(len(source), dtype=np.float32)[source.index(joint)]
    if joint in pending:
        return None
    for alternative in _stand_ins(joint):
        rows = [joint_weights(other, source, pending | {joint}) for other in alternative]
        found = [row for row in rows if row is not None]
        if len(found) == len(rows):
            return np.stack(found).mean(axis=0)
    return None


def _stand_ins(joint: str) -> tuple[tuple[str, ...], ...]:
    if joint.startswith("right_"):
        return tuple(tuple(map(counterpart, others)) for others in _STAND_INS.get(counterpart(joint), ()))
    return _STAND_INS.get(joint, ())
