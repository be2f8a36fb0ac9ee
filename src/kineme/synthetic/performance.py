"""From a class to joint positions: one person, or two, performing a motion in their own way on a level floor."""

from dataclasses import dataclass

import numpy as np

from kineme.synthetic.body import LAYOUT, Body, mirrored, within_limits, yaw
from kineme.synthetic.motions import AT_EASE, HELD_ARMS, Motion, Pose

FPS = 30.0
_GRAVITY = 9.81


@dataclass(frozen=True)
class Performer:
    """A person and their manner.

    Args:
        body: their proportions.
        speed, amplitude: factors on the tempo and the size of every movement.
        left_handed: chance of using the left hand.
        stoop: forward lean of the spine at ease, radians.
    """

    body: Body
    speed: float
    amplitude: float
    left_handed: float
    stoop: float

    @staticmethod
    def draw(rng: np.random.Generator) -> "Performer":
        """Somebody between 1.50 and 1.95 m, with their own proportions and style."""
        limbs = ("spine_mid", "right_shoulder", "right_elbow", "right_wrist", "right_knee", "right_ankle")
        scale = {joint: rng.uniform(0.92, 1.08) for joint in limbs}
        return Performer(
            body=Body.of(rng.uniform(1.50, 1.95), scale),
            speed=rng.uniform(0.95, 1.25),
            amplitude=rng.uniform(0.9, 1.08),
            left_handed=rng.choice([0.1, 0.3, 0.8], p=[0.5, 0.3, 0.2]),
            stoop=np.radians(rng.uniform(-3, 9)),
        )


def perform(motion: Motion, performers: tuple[Performer, ...], rng: np.random.Generator) -> np.ndarray:
    """One performance of a motion, different each time in tempo, size, repetitions, pauses and bearing.

    Args:
        motion: what is done.
        performers: one person, or two where the motion has a partner.
        rng: source of everything that differs.

    Returns:
        (M, T, V, 3) metres on the floor y = 0 at 30 frames per second; the first person faces -z, the second faces
        the first, and the origin lies between them.
    """
    roles = (motion,) if motion.partner is None else (motion, motion.partner)
    assert len(performers) == len(roles)
    repeats = int(rng.integers(motion.repeats[0], motion.repeats[1], endpoint=True))
    arrival = _arrival_times(motion, repeats, performers[0].speed, rng)
    # People who do something together use the same hands: nobody offers the left one.
    left_handed = len(roles) == 1 and rng.random() < performers[0].left_handed
    xyz = np.stack(
        [
            _one_person(role, repeats, arrival, performer, left_handed, rng)
            for role, performer in zip(roles, performers, strict=True)
        ]
    )
    return _wander(xyz, rng) if len(xyz) == 1 else _face_each_other(xyz, motion.touches)


def _arrival_times(motion: Motion, repeats: int, speed: float, rng: np.random.Generator) -> np.ndarray:
    """(P,) seconds at which each pose is reached, the poses at ease before and after included."""
    strokes = np.array([stroke.seconds for stroke in motion.strokes(repeats)])
    back_at_ease = rng.uniform(0.5, 0.7)
    strokes = np.append(strokes, back_at_ease) * rng.uniform(0.85, 1.15, len(strokes) + 1)
    pause_before, pause_after = rng.uniform(0, 0.8, 2) * rng.integers(0, 2, 2)
    steps = np.concatenate([[0, pause_before], strokes / (speed * rng.uniform(0.8, 1.15)), [pause_after]])
    return np.cumsum(steps)


def _one_person(
    motion: Motion,
    repeats: int,
    arrival: np.ndarray,
    performer: Performer,
    left_handed: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """(T, V, 3) metres of one person who starts at the origin and faces -z."""
    strokes = motion.strokes(repeats)
    poses = _poses(motion, repeats, performer, rng)
    poses = mirrored(poses) if left_handed else poses
    forward = np.array([0.0, 0.0, *(s.forward for s in strokes), *[strokes[-1].forward] * 2])
    time = np.arange(0, arrival[-1], 1 / FPS)
    angles = _between(poses, arrival, time) + _sway(time, rng)
    xyz = performer.body.stand(_settle(within_limits(angles)))
    xyz[..., 2] -= _between(forward, arrival, time)[:, None]
    for i, stroke in enumerate(strokes):
        if stroke.flight:
            xyz[..., 1] += _flight(time, arrival[i + 1], arrival[i + 2])[:, None]
    return xyz


def _poses(motion: Motion, repeats: int, performer: Performer, rng: np.random.Generator) -> np.ndarray:
    """(P, V, 3) radians: each pose in this person's manner, on top of how they hold themselves before and after."""
    action = [stroke.pose for stroke in motion.strokes(repeats)]
    named = [motion.start, motion.start, *action, motion.end, motion.end]
    before, after = _at_ease(performer, rng), _at_ease(performer, rng)
    ease = np.stack([before] * (len(named) - 2) + [after] * 2)
    change = np.stack([_to_angles(pose, held) for pose, held in zip(named, ease, strict=True)]) - ease
    amplitude = performer.amplitude * rng.uniform(0.78, 1.1)
    manner = np.radians(rng.normal(0, 6, change.shape[1:]) + rng.normal(0, 2.5, change.shape))
    return ease + amplitude * change + manner * (change != 0)


def _at_ease(performer: Performer, rng: np.random.Generator) -> np.ndarray:
    """(V, 3) radians of this person standing, perhaps with an arm held somewhere."""
    angles = _to_angles(AT_EASE, np.zeros((LAYOUT.num_joints, 3)))
    for _ in ("right", "left"):
        held = HELD_ARMS[int(rng.integers(len(HELD_ARMS)))] if rng.random() < 0.5 else {}
        angles = mirrored(_to_angles(held, angles))
    angles[LAYOUT.index("spine_mid"), 0] += performer.stoop
    return angles + np.radians(rng.normal(0, 2.5, angles.shape))


def _to_angles(pose: Pose, ease: np.ndarray) -> np.ndarray:
    """(V, 3) radians of a pose in degrees, with the joints it does not name as they are at ease."""
    angles = ease.copy()
    for joint, degrees in pose.items():
        angles[LAYOUT.index(joint)] = np.radians(degrees)
    return angles


def _between(values: np.ndarray, arrival: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Values (P, ...) at (T,) moments: minimum-jerk movements (Flash & Hogan, 1985) from each to the next."""
    step = np.clip(np.searchsorted(arrival, time, side="right") - 1, 0, len(arrival) - 2)
    u = np.clip((time - arrival[step]) / np.maximum(arrival[step + 1] - arrival[step], 1e-9), 0, 1)
    ease = u**3 * (10 - 15 * u + 6 * u**2)
    ease = ease.reshape(-1, *[1] * (values.ndim - 1))
    return values[step] + ease * (values[step + 1] - values[step])


def _sway(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, V, 3) radians of slow unintended movement in every joint."""
    shape = (LAYOUT.num_joints, 3)
    size, cycles = np.radians(rng.normal(0, 1.5, shape)), rng.uniform(0.15, 0.5, shape) * time[:, None, None]
    return size * np.sin(2 * np.pi * (cycles + rng.uniform(0, 1, shape)))


def _settle(angles: np.ndarray) -> np.ndarray:
    """Keep the pelvis square over the feet, thighs as stated against the vertical, and feet level."""
    angles = angles.copy()
    root = LAYOUT.root
    angles[:, root, 1:] = 0
    for side in ("left", "right"):
        hip, knee, ankle = (LAYOUT.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        angles[:, ankle, 0] += angles[:, knee, 0] - angles[:, hip, 0]
        angles[:, hip, 0] += angles[:, root, 0]
    return within_limits(angles)


def _flight(time: np.ndarray, takeoff: float, landing: float) -> np.ndarray:
    """(T,) metres above the floor of a body thrown up at ``takeoff`` that falls back by ``landing``."""
    return np.maximum(0.5 * _GRAVITY * (time - takeoff) * (landing - time), 0)


def _wander(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle a little and turn a little in the course of the action."""
    frames = xyz.shape[1]
    start = rng.uniform(-0.2, 0.5) * frames
    progress = _between(np.array([0.0, 1.0]), np.array([start, start + max(30, 0.5 * frames)]), np.arange(frames))
    turn = yaw(progress * rng.normal(0, np.radians(25)))
    step = progress[:, None] * rng.normal(0, 0.18, 2)
    moved = xyz @ turn.transpose(0, 2, 1)
    moved[..., [0, 2]] += step[:, None]
    return moved


def _face_each_other(xyz: np.ndarray, touched: str) -> np.ndarray:
    """Move two people apart until the first one's hand just reaches the second one's joint."""
    reach = -xyz[0, :, LAYOUT.index("right_hand"), 2].min()
    gap = reach - xyz[1, :, LAYOUT.index(touched), 2].min() + 0.05
    xyz[1] = xyz[1] @ yaw(np.pi).T
    xyz[0, ..., 2] += gap / 2
    xyz[1, ..., 2] -= gap / 2
    return xyz
