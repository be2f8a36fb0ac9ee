"""Bodies: bone lengths by joint name, and forward kinematics from joint angles to joint positions.

Angles are anatomical, three per joint: flexion, abduction, twist. Positive means forward or folding, away from
the body's midline, and inward; on the trunk, leaning forward, bending to the right and turning to the left.
One number therefore means the same on both sides, and mirroring a motion is swapping left and right. A body
stands on y = 0 and faces -z, its right side towards +x, like someone who faces a Kinect at the origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from kineme.layout import Layout

LAYOUT = Layout.get("kinect25")

# Offset of each joint from its parent in the rest pose (upright, arms hanging) as a share of body height: rounded
# proportions of an adult, with the joint centres about where a Kinect v2 sees them. The left side mirrors the right.
_REST: dict[str, tuple[float, float, float]] = {
    "spine_base": (0, 0, 0),
    "spine_mid": (0, 0.150, 0.005),
    "spine_shoulder": (0, 0.140, 0.005),
    "neck": (0, 0.035, -0.005),
    "head": (0, 0.085, -0.015),
    "right_shoulder": (0.100, -0.020, 0),
    "right_elbow": (0, -0.170, 0),
    "right_wrist": (0, -0.145, 0),
    "right_hand": (0, -0.045, 0),
    "right_hand_tip": (0, -0.045, 0),
    "right_thumb": (-0.005, -0.020, -0.030),
    "right_hip": (0.050, -0.025, 0),
    "right_knee": (0, -0.240, 0),
    "right_ankle": (0, -0.226, 0),
    "right_foot": (0.010, -0.025, -0.090),
}

# Sense of flexion, abduction and twist about +x, +z and +y on the right side.
_LIMB_SENSE, _KNEE_SENSE, _TRUNK_SENSE = (1, 1, 1), (-1, 1, 1), (-1, -1, 1)

# Range of motion in degrees, roughly that of healthy adults.
# Bending forward is shared by the pelvis and two joints of the spine; joints not named do not turn.
_LIMITS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "spine_base": ((-20, 60), (-20, 20), (-30, 30)),
    "spine_mid": ((-20, 45), (-25, 25), (-35, 35)),
    "spine_shoulder": ((-15, 30), (-15, 15), (-25, 25)),
    "neck": ((-45, 45), (-40, 40), (-70, 70)),
    "right_shoulder": ((-60, 180), (-30, 170), (-100, 90)),
    "right_elbow": ((0, 150), (0, 0), (0, 0)),
    "right_wrist": ((-70, 80), (-20, 30), (0, 0)),
    "right_hip": ((-30, 125), (-25, 45), (-45, 45)),
    "right_knee": ((0, 140), (0, 0), (0, 0)),
    "right_ankle": ((-50, 35), (0, 0), (0, 0)),
}


def by_joint(table: Mapping[str, object], default: object) -> np.ndarray:
    """Table by joint name as an array in layout order; a left joint takes what the right one has."""
    rows = [table.get(name, table.get(name.replace("left_", "right_"), default)) for name in LAYOUT.joints]
    return np.array(rows, dtype=float)


_FEET = np.array([LAYOUT.indices((f"{side}_ankle", f"{side}_foot")) for side in ("left", "right")])
_SOLE = 0.02  # metres of shoe below the toe joint
_WEIGHT_SHIFT = 0.03  # metres a foot is lifted until it carries a third of its share
_IS_LEFT = np.array([name.startswith("left_") for name in LAYOUT.joints])
_IS_MIDDLE = np.array(LAYOUT.mirror) == np.arange(LAYOUT.num_joints)
_SENSE = by_joint({"right_knee": _KNEE_SENSE}, _LIMB_SENSE)
_SENSE[_IS_MIDDLE] = _TRUNK_SENSE
_SENSE[_IS_LEFT, 1:] *= -1

LIMITS = np.radians(by_joint(_LIMITS, ((0, 0), (0, 0), (0, 0))))
"""(V, 3, 2) smallest and largest flexion, abduction and twist in radians."""


@dataclass(frozen=True)
class Body:
    """One person's proportions.

    Args:
        offsets: (V, 3) metres from each joint's parent to the joint in the rest pose.
    """

    offsets: np.ndarray

    @staticmethod
    def of(height: float, scale: Mapping[str, float] | None = None) -> "Body":
        """Body of a given height in metres, with single bones longer or shorter than the average.

        Args:
            height: metres.
            scale: factor by right or middle joint name, for the bone that ends there; both sides get it.
        """
        offsets = by_joint(_REST, (0, 0, 0)) * by_joint(scale or {}, 1.0)[:, None] * height
        offsets[_IS_LEFT, 0] *= -1
        return Body(offsets)

    @property
    def bone_lengths(self) -> np.ndarray:
        """(V,) metres from each joint to its parent; 0 at the root."""
        return np.linalg.norm(self.offsets, axis=-1)

    def pose(self, angles: np.ndarray) -> np.ndarray:
        """Joint positions by forward kinematics, with the root at the origin.

        Args:
            angles: (T, V, 3) radians of flexion, abduction and twist.

        Returns:
            (T, V, 3) metres.
        """
        turn = _rotations(angles * _SENSE)
        xyz = np.zeros(angles.shape)
        for joint in _from_root_outwards():
            parent = LAYOUT.tree_parents[joint]
            if parent >= 0:
                xyz[:, joint] = xyz[:, parent] + turn[:, parent] @ self.offsets[joint]
                turn[:, joint] = turn[:, parent] @ turn[:, joint]
        return xyz

    def stand(self, angles: np.ndarray) -> np.ndarray:
        """Joint positions of a body that stands on the floor y = 0 with its feet where they are at rest.

        The foot that carries the weight stays in place, so that the pelvis moves back when sitting down and the
        other foot may swing. See `pose` for the argument and the result.
        """
        xyz = self.pose(angles)
        rest = self.pose(np.zeros((1, *angles.shape[1:])))
        above_sole = rest[:, _FEET, 1] - rest[:, _FEET, 1].min() + _SOLE
        sole = (xyz[:, _FEET, 1] - above_sole).min(axis=-1)
        floor = sole.min(axis=-1)
        weight = np.exp((floor[:, None] - sole) / _WEIGHT_SHIFT)
        weight /= weight.sum(axis=-1, keepdims=True)
        drift = (xyz - rest)[:, _FEET[:, 0]]
        root = -(weight[..., None] * drift).sum(axis=1)
        root[:, 1] = -floor
        return xyz + root[:, None]


def within_limits(angles: np.ndarray) -> np.ndarray:
    """Angles (..., V, 3) clipped to the human range of motion."""
    return np.clip(angles, LIMITS[..., 0], LIMITS[..., 1])


def mirrored(angles: np.ndarray) -> np.ndarray:
    """The same motion (..., V, 3) done by the other hand."""
    swapped = angles[..., list(LAYOUT.mirror), :].copy()
    swapped[..., _IS_MIDDLE, 1:] *= -1
    return swapped


def yaw(angle: float | np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation about +y by an angle in radians: turns whoever faces -z to their left."""
    cos, sin = np.cos(angle), np.sin(angle)
    one, zero = np.ones_like(cos), np.zeros_like(cos)
    return np.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], axis=-1).reshape(*np.shape(angle), 3, 3)


def _rotations(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices Rx Rz Ry of (..., 3) angles about x, z and y: twist first, flexion last."""
    (cx, cz, cy), (sx, sz, sy) = np.moveaxis(np.cos(angles), -1, 0), np.moveaxis(np.sin(angles), -1, 0)
    rows = [
        [cz * cy, -sz, cz * sy],
        [cx * sz * cy + sx * sy, cx * cz, cx * sz * sy - sx * cy],
        [sx * sz * cy - cx * sy, sx * cz, sx * sz * sy + cx * cy],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


@cache
def _from_root_outwards() -> tuple[int, ...]:
    depth = []
    for joint in range(LAYOUT.num_joints):
        steps, parent = 0, LAYOUT.tree_parents[joint]
        while parent >= 0:
            steps, parent = steps + 1, LAYOUT.tree_parents[parent]
        depth.append(steps)
    return tuple(int(joint) for joint in np.argsort(depth, kind="stable"))
