"""Batched changes of clips, on the batch's own device."""

from kineme.transforms.align import Align
from kineme.transforms.augment import RandomMirror, RandomRotation, RandomScale
from kineme.transforms.base import Draws, Pipeline, Transform
from kineme.transforms.bones import BoneRescale
from kineme.transforms.canonical import Canonical
from kineme.transforms.contrastive_preparation import RootRelative, YawPerFrame
from kineme.transforms.frames import CentreCrop, RandomCrop, crop_length, resample
from kineme.transforms.minmax import MinMax
from kineme.transforms.noise import GaussianBlur, GaussianNoise, PointDropout
from kineme.transforms.pipeline import TrainViews, eval_pipeline, train_pipeline
from kineme.transforms.schedule import at_epoch
from kineme.transforms.settings import Augmentation, Phase, Preparation
from kineme.transforms.spatial import AxisMask, MainRotation, Shear, Swap
from kineme.transforms.streams import Bone, Motion, ToLayout
from kineme.transforms.stride import Stride
from kineme.transforms.temporal import CropReflect, Stretch, TemporalFlip

__all__ = [
    "Align",
    "Augmentation",
    "AxisMask",
    "Bone",
    "BoneRescale",
    "Canonical",
    "CentreCrop",
    "CropReflect",
    "Draws",
    "GaussianBlur",
    "GaussianNoise",
    "MainRotation",
    "MinMax",
    "Motion",
    "Phase",
    "Pipeline",
    "PointDropout",
    "Preparation",
    "RandomCrop",
    "RandomMirror",
    "RandomRotation",
    "RandomScale",
    "RootRelative",
    "Shear",
    "Stretch",
    "Stride",
    "Swap",
    "TemporalFlip",
    "ToLayout",
    "TrainViews",
    "Transform",
    "YawPerFrame",
    "at_epoch",
    "crop_length",
    "eval_pipeline",
    "resample",
    "train_pipeline",
]
