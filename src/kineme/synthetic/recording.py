"""Synthetic recordings: who does what, seen by which camera, and the clip that comes of it.

Everything follows from the seed. As in NTU RGB+D, three cameras see one performance; a subject repeats each class
facing the other way, and then again in another setup.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kineme.clips import Clip
from kineme.errors import ConfigError
from kineme.memory_writer import MemoryWriter
from kineme.store import SkeletonStore
from kineme.synthetic.body import LAYOUT
from kineme.synthetic.motions import MOTIONS, SYNTHETIC_CLASSES
from kineme.synthetic.performance import FPS, Performer, perform
from kineme.synthetic.world import CAMERA_YAWS, FACED_CAMERA, Camera, find_bodies, place, sense

# What a random stream decides; part of its seed, so that no two things are drawn from the same numbers.
_SUBJECT, _PARTNER, _CAMERA, _PERFORMANCE, _SENSOR = range(5)


@dataclass(frozen=True, kw_only=True)
class Take:
    """One recording to make, numbered as NTU RGB+D numbers its files.

    Args:
        label: class, from 0.
        subject: performer, from 1.
        camera: 1 in the middle, 2 to its left, 3 to its right.
        replication: 1 facing the left camera, 2 facing the right one.
        setup: where and how high the cameras stand, from 1.

    Raises:
        ConfigError: a number for which there is no class, camera or replication.
    """

    label: int
    subject: int
    camera: int = 1
    replication: int = 1
    setup: int = 1

    def __post_init__(self) -> None:
        known = {"label": range(len(SYNTHETIC_CLASSES)), "camera": CAMERA_YAWS, "replication": FACED_CAMERA}
        for name, numbers in known.items():
            if getattr(self, name) not in numbers:
                raise ConfigError(f"take: {name} must be one of {list(numbers)}, found {getattr(self, name)}")

    @property
    def name(self) -> str:
        """File name without extension."""
        numbers = (self.setup, self.camera, self.subject, self.replication, self.label + 1)
        return "".join(f"{letter}{number:03d}" for letter, number in zip("SCPRA", numbers, strict=True))


@dataclass(frozen=True)
class Recording:
    """What the sensor stored of one take.

    Args:
        clip: (M, T, V, 3) metres in camera coordinates, zero where nobody was found.
        state: (M, T, V) int, tracking state of each joint: 2 tracked, 1 inferred.
        body_ids: (M, T) int64, the sensor's 17-digit name of each body; a new one where tracking began afresh.
    """

    clip: Clip
    state: np.ndarray
    body_ids: np.ndarray


def plan_takes(num_subjects: int, clips_per: int = 6) -> Iterator[Take]:
    """Takes of every class by every subject.

    Args:
        num_subjects: subjects 1 to this.
        clips_per: takes per class and subject: three cameras, then replication 2, then further setups. Subjects
            alternate between two setups, so that setups can be split as well.
    """
    for subject in range(1, num_subjects + 1):
        for label in range(len(SYNTHETIC_CLASSES)):
            for i in range(clips_per):
                yield Take(
                    label=label,
                    subject=subject,
                    camera=1 + i % 3,
                    replication=1 + i // 3 % 2,
                    setup=1 + (subject - 1) % 2 + 2 * (i // 6),
                )


def record(take: Take, seed: int = 0) -> Recording:
    """Perform a take and record it; the same take and seed always give the same recording."""
    motion = MOTIONS[SYNTHETIC_CLASSES[take.label]]
    scene = (take.label, take.subject, take.replication, take.setup)
    roles = (_SUBJECT, _PARTNER) if motion.partner else (_SUBJECT,)
    performers = tuple(Performer.draw(_rng(seed, role, take.subject)) for role in roles)
    stage = _rng(seed, _PERFORMANCE, *scene)
    room = place(perform(motion, performers, stage), take.replication, stage)
    camera = Camera.draw(take.camera, _rng(seed, _CAMERA, take.setup, take.camera))
    sensor = _rng(seed, _SENSOR, *scene, take.camera)
    xyz, state = sense(camera.see(room[sensor.permutation(len(room))]), sensor)
    present, body_ids = find_bodies(xyz.shape[0], xyz.shape[1], sensor)
    clip = Clip(
        id=take.name,
        xyz=np.where(present[..., None, None], xyz, 0).astype(np.float32),
        present=present,
        label=take.label,
        subject=take.subject,
        camera=take.camera,
        setup=take.setup,
        replication=take.replication,
        fps=FPS,
    )
    return Recording(clip, state, body_ids)


def generate_clip(take: Take, seed: int = 0) -> Clip:
    """Clip of a take; see `record`."""
    return record(take, seed).clip


def synthetic_store(num_subjects: int = 4, clips_per: int = 3, seed: int = 0) -> SkeletonStore:
    """Labelled synthetic clips in memory, for examples and tests; see `plan_takes` for the arguments."""
    provenance = {"dataset": "synthetic", "num_subjects": num_subjects, "clips_per": clips_per, "seed": seed}
    writer = MemoryWriter(LAYOUT, SYNTHETIC_CLASSES, provenance=provenance)
    for take in plan_takes(num_subjects, clips_per):
        writer.add(record(take, seed).clip)
    return writer.finish()


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key))
