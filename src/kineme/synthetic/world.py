"""The room and the sensor: who stands where, how a camera sees them, and what a Kinect v2 gets wrong.

Room coordinates are metres with the action at the origin, the floor at y = 0, and the middle camera on the -z side.
Camera coordinates are the Kinect's: x to the right of the image, y up, z away from the camera.
"""

from dataclasses import dataclass

import numpy as np

from kineme.synthetic.body import LAYOUT, by_joint, yaw

CAMERA_YAWS = {1: 0.0, 2: -np.pi / 4, 3: np.pi / 4}
"""Camera number to radians around the action: 1 in the middle, 2 to its left, 3 to its right."""

FACED_CAMERA = {1: 2, 2: 3}
"""Replication to the camera that performers face."""

_TRACKED, _INFERRED = 2, 1

# The sensor counts bodies from 2^56.
_FIRST_BODY_ID = 2**56

# Standard deviation in metres by joint: a few millimetres on the trunk, a centimetre and more at the extremities.
_NOISE: dict[str, float] = {
    "right_elbow": 0.007,
    "right_wrist": 0.009,
    "right_hand": 0.011,
    "right_hand_tip": 0.015,
    "right_thumb": 0.015,
    "right_knee": 0.007,
    "right_ankle": 0.010,
    "right_foot": 0.014,
}
_SIGMA = by_joint(_NOISE, 0.004)
_IS_LIMB = by_joint(dict.fromkeys(_NOISE, 1.0), 0.0) > 0


@dataclass(frozen=True)
class Camera:
    """A sensor on its stand.

    Args:
        yaw: radians around the action; positive is to the right of the middle camera.
        pitch: radians, positive looks down.
        distance, height: metres from the action and above the floor.
    """

    yaw: float
    pitch: float
    distance: float
    height: float

    @staticmethod
    def draw(number: int, rng: np.random.Generator) -> "Camera":
        """Camera 1, 2 or 3, put up by hand: every setup differs a little."""
        return Camera(
            yaw=CAMERA_YAWS[number] + np.radians(rng.uniform(-6, 6)),
            pitch=np.radians(rng.uniform(-2, 6)),
            distance=rng.uniform(2.75, 3.3),
            height=rng.uniform(0.85, 1.15),
        )

    def see(self, xyz: np.ndarray) -> np.ndarray:
        """Room coordinates (..., 3) as camera coordinates."""
        cos, sin = np.cos(self.pitch), np.sin(self.pitch)
        tilt = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
        x, y, z = np.moveaxis(xyz @ yaw(self.yaw).T, -1, 0)
        return np.stack([x, y - self.height, z + self.distance], axis=-1) @ tilt.T


def place(xyz: np.ndarray, replication: int, rng: np.random.Generator) -> np.ndarray:
    """Put performers (M, T, V, 3) into the room: facing the left (1) or the right camera (2), a pair sideways."""
    heading = -CAMERA_YAWS[FACED_CAMERA[replication]] + np.radians(rng.normal(0, 8))
    heading += np.pi / 2 if len(xyz) == 2 else 0
    start = np.array([rng.uniform(-0.2, 0.2), 0, rng.uniform(-0.2, 0.2)])
    return xyz @ yaw(heading).T + start


def sense(xyz: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the sensor makes of joints in camera coordinates.

    Args:
        xyz: (M, T, V, 3) metres, true positions in camera coordinates.
        rng: source of the noise.

    Returns:
        xyz: (M, T, V, 3) with noise that drifts over some frames, more of it on hidden joints, and with joints that
            stick for a while where tracking was lost.
        state: (M, T, V) int, Kinect's tracking state of each joint: 2 tracked, 1 inferred.
    """
    hidden = _hidden_by_trunk(xyz)
    noise = _correlated(xyz.shape, 0.7, rng) * _SIGMA[:, None]
    seen = xyz + noise * np.where(hidden, 3.0, 1.0)[..., None]
    state = np.where(hidden, _INFERRED, _TRACKED)
    for body in range(len(xyz)):
        for _ in range(rng.poisson(1.5)):
            _lose_joint(seen[body], state[body], rng)
    return seen, state


def find_bodies(bodies: int, frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Who the sensor finds in which frame, and what it calls them.

    Returns:
        present: (M, T) bool; in one clip of ten nobody is found for a few frames.
        body_ids: (M, T) int64; in one clip of twenty the first body is taken for somebody new half-way.
    """
    present = np.ones((bodies, frames), dtype=bool)
    gap = int(rng.integers(1, frames - 4))
    if rng.random() < 0.1:
        present[:, gap : gap + int(rng.integers(1, 4))] = False
    first_id = _FIRST_BODY_ID + int(rng.integers(1_000_000))
    body_ids = np.tile(first_id + np.arange(bodies)[:, None], (1, frames))
    if rng.random() < 0.05:
        body_ids[0, frames // 2 :] = first_id + bodies
    return present, body_ids


def _hidden_by_trunk(xyz: np.ndarray) -> np.ndarray:
    """(M, T, V) bool: limb joints that lie behind their own trunk as the camera looks."""
    sideways, _, behind = np.moveaxis(xyz - xyz[:, :, [LAYOUT.index("spine_mid")]], -1, 0)
    above_hips = xyz[..., 1] > xyz[:, :, [LAYOUT.index("spine_base")], 1]
    return _IS_LIMB & above_hips & (np.abs(sideways) < 0.12) & (behind > 0.06)


def _correlated(shape: tuple[int, ...], memory: float, rng: np.random.Generator) -> np.ndarray:
    """Unit-variance noise (M, T, V, C), a first-order autoregression along the frames."""
    lag = np.subtract.outer(np.arange(shape[1]), np.arange(shape[1]))
    kernel = np.where(lag >= 0, memory ** np.maximum(lag, 0), 0.0)
    kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
    white = rng.standard_normal(shape)
    return (kernel @ white.reshape(shape[0], shape[1], -1)).reshape(shape)


def _lose_joint(xyz: np.ndarray, state: np.ndarray, rng: np.random.Generator) -> None:
    """Let one limb joint of (T, V, 3) stick where it was last seen, and mark it inferred."""
    frames = len(xyz)
    joint = LAYOUT.index(_either_side(list(_NOISE)[int(rng.integers(len(_NOISE)))], rng))
    first = int(rng.integers(1, frames - 1))
    lost = slice(first, min(first + int(rng.integers(3, 15)), frames))
    xyz[lost, joint] = xyz[first - 1, joint] + rng.normal(0, 0.01, (lost.stop - lost.start, 3))
    state[lost, joint] = _INFERRED


def _either_side(name: str, rng: np.random.Generator) -> str:
    return name.replace("right_", rng.choice(["left_", "right_"]))
