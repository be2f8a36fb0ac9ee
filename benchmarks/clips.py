"""Clips to measure with: noise or wandering bodies, with lengths and numbers of people as in NTU RGB+D."""

import numpy as np
import torch

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.store import SkeletonStore

KINECT = Layout.get("kinect25")
BODIES, PADDED_FRAMES = 2, 300
MEAN_FRAMES, TWO_PERSONS = 84, 0.18
CLASSES = 60


def random_batch(num_clips: int, window: int, stride: float = 0.02) -> ClipBatch:
    """Bodies that wander, from torch's own generator; the second one is zero where a clip shows one person.

    Args:
        num_clips: B.
        window: T.
        stride: standard deviation of what a coordinate changes by from frame to frame, metres.
    """
    xyz = stride * torch.randn(num_clips, BODIES, window, KINECT.num_joints, 3).cumsum(dim=2)
    xyz[max(1, round(TWO_PERSONS * num_clips)) :, 1] = 0
    clips = torch.arange(num_clips)
    present = xyz.abs().sum(dim=(3, 4)) > 0
    return ClipBatch(xyz, present, torch.full_like(clips, window), clips, clips % CLASSES, KINECT)


def random_clips(num_clips: int) -> list[np.ndarray]:
    """(M, T, V, C) noise."""
    rng = np.random.default_rng(0)
    spread = 0.4
    frames = rng.lognormal(np.log(MEAN_FRAMES) - spread**2 / 2, spread, num_clips).round().clip(20, PADDED_FRAMES)
    bodies = 1 + rng.permutation(np.arange(num_clips) < round(TWO_PERSONS * num_clips))
    sizes = zip(bodies, frames.astype(int), strict=True)
    return [rng.normal(size=(m, t, KINECT.num_joints, 3)).astype(np.float32) for m, t in sizes]


def random_store(num_clips: int) -> SkeletonStore:
    """`random_clips` of all classes in turn."""
    labels = [i % CLASSES for i in range(num_clips)]
    classes = [f"class {k}" for k in range(CLASSES)]
    return SkeletonStore.from_arrays(random_clips(num_clips), KINECT, labels=labels, classes=classes)


def padded(clips: list[np.ndarray]) -> np.ndarray:
    """(N, T, M, V, C) with zeros up to 300 frames, the form in which the field keeps clips."""
    dense = np.zeros((len(clips), PADDED_FRAMES, BODIES, KINECT.num_joints, 3), np.float32)
    for row, clip in zip(dense, clips, strict=True):
        row[: clip.shape[1], : len(clip)] = clip.swapaxes(0, 1)
    return dense
