"""Typed descriptions of how clips reach a model, and the pipelines they build.

A `Preparation` is what training and evaluation share; an `Augmentation` is what training adds, once per view.
"""

from typing import Annotated, Literal

from pydantic import Field

from kineme.clips import ClipBatch
from kineme.config import Config
from kineme.transforms.augment import RandomMirror, RandomRotation, RandomScale
from kineme.transforms.base import Pipeline, Transform
from kineme.transforms.canonical import Canonical
from kineme.transforms.frames import CentreCrop, RandomCrop
from kineme.transforms.streams import Bone, Motion

Fraction = Annotated[float, Field(gt=0, le=1)]
Angle = Annotated[float, Field(ge=0, le=3.1416)]


class Preparation(Config):
    """Shared by training and evaluation."""

    window: Annotated[int, Field(ge=1)] = 120
    """T: frames that a clip is resized to."""
    bodies: Annotated[int, Field(ge=1)] = 2
    """M: body slots per clip."""
    centre: bool = True
    """Subtract the first body's origin in its first frame."""
    yaw: bool = False
    """Turn the first body to face the viewer in its first frame."""
    stream: Literal["joint", "bone", "motion", "bone_motion"] = "joint"
    """What the model reads."""
    test_keep: Fraction = 0.95
    """Central fraction of a clip that evaluation looks at."""


class Augmentation(Config):
    """One training view."""

    keep: tuple[Fraction, Fraction] = (0.5, 1.0)
    """Interval of the fraction of a clip that a crop keeps."""
    min_frames: Annotated[int, Field(ge=1)] = 64
    """A crop keeps at least so many frames, or the whole clip where it is shorter."""
    rotation: tuple[Angle, Angle, Angle] = (0.3, 0.3, 0.3)
    """Largest random angle about x, y and z, radians."""
    mirror: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of clips with left and right exchanged."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Random change of body size, as a fraction."""


def train_pipeline(prepare: Preparation, augment: Augmentation) -> Pipeline:
    """Random crop, then augmentation, then stream (the field's order, spec-masked §1.4)."""
    dense: list[Transform[ClipBatch, ClipBatch]] = []
    if augment.mirror:
        dense.append(RandomMirror(augment.mirror))
    if any(augment.rotation):
        dense.append(RandomRotation(augment.rotation))
    if augment.scale:
        dense.append(RandomScale(augment.scale))
    crop = RandomCrop(prepare.window, prepare.bodies, augment.keep, augment.min_frames)
    return Pipeline(_canonical(prepare), crop, dense + _stream(prepare))


def eval_pipeline(prepare: Preparation) -> Pipeline:
    """Centre crop and stream; nothing random."""
    crop = CentreCrop(prepare.window, prepare.bodies, prepare.test_keep)
    return Pipeline(_canonical(prepare), crop, _stream(prepare))


def _canonical(prepare: Preparation) -> list[Canonical]:
    needed = prepare.centre or prepare.yaw
    return [Canonical(centre=prepare.centre, yaw=prepare.yaw)] if needed else []


def _stream(prepare: Preparation) -> list[Transform[ClipBatch, ClipBatch]]:
    streams: dict[str, list[Transform[ClipBatch, ClipBatch]]] = {
        "joint": [],
        "bone": [Bone()],
        "motion": [Motion()],
        "bone_motion": [Bone(), Motion()],
    }
    return streams[prepare.stream]
