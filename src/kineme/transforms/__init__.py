"""Batched changes of clips, on the batch's own device."""

from kineme.transforms.augment import RandomMirror, RandomRotation, RandomScale
from kineme.transforms.base import Draws, Pipeline, Transform
from kineme.transforms.canonical import Canonical
from kineme.transforms.frames import CentreCrop, RandomCrop, crop_length, resample
from kineme.transforms.pipeline import Augmentation, Preparation, eval_pipeline, train_pipeline
from kineme.transforms.streams import Bone, Motion, ToLayout

__all__ = [
    "Augmentation",
    "Bone",
    "Canonical",
    "CentreCrop",
    "Draws",
    "Motion",
    "Pipeline",
    "Preparation",
    "RandomCrop",
    "RandomMirror",
    "RandomRotation",
    "RandomScale",
    "ToLayout",
    "Transform",
    "crop_length",
    "eval_pipeline",
    "resample",
    "train_pipeline",
]
