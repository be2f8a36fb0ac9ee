"""From a store to training batches, against one clip at a time from arrays padded to 300 frames.

The plain version follows the rules of the field's feeder (spec-masked §1.4) the way such feeders are written:
frames are counted anew in every epoch, an absent second body is carried along, and the rotation matrix is built
for every frame.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from benchmarks.timing import medians
from kineme.store import SkeletonStore
from kineme.transforms import Augmentation, Preparation, train_pipeline
from kineme.transforms.base import Draws

WINDOW, BODIES, PADDED_FRAMES, JOINTS = 120, 2, 300, 25
BATCH, BATCHES = 128, 4
MEAN_FRAMES, TWO_PERSONS = 84, 0.18


@dataclass(frozen=True)
class Result:
    """Clips per second of CPU time on one core."""

    ours: float
    plain: float


def random_clips(num_clips: int) -> list[np.ndarray]:
    """(M, T, V, C) noise with lengths and body counts as in NTU RGB+D."""
    rng = np.random.default_rng(0)
    spread = 0.4
    frames = rng.lognormal(np.log(MEAN_FRAMES) - spread**2 / 2, spread, num_clips).round().clip(20, PADDED_FRAMES)
    bodies = 1 + (rng.random(num_clips) < TWO_PERSONS)
    return [rng.normal(size=(m, int(t), JOINTS, 3)).astype(np.float32) for m, t in zip(bodies, frames, strict=True)]


def padded(clips: list[np.ndarray]) -> np.ndarray:
    """(N, C, T, V, M), the form in which the field keeps clips."""
    dense = np.zeros((len(clips), 3, PADDED_FRAMES, JOINTS, BODIES), np.float32)
    for row, clip in zip(dense, clips, strict=True):
        row[:, : clip.shape[1], :, : len(clip)] = clip.transpose(3, 1, 2, 0)
    return dense


def plain_batch(dense: np.ndarray, index: Tensor, draws: Draws) -> Tensor:
    """(B, C, T, V, M) crops of padded clips, resized and turned one after the other."""
    start, length, angles = (draws[key].tolist() for key in ("start", "length", "angles"))
    clips = (dense[i] for i in index.tolist())
    return torch.stack([plain_clip(clip, *draw) for clip, *draw in zip(clips, start, length, angles, strict=True)])


def plain_clip(clip: np.ndarray, start: int, length: int, angles: list[float]) -> Tensor:
    """(C, T, V, M) of one padded clip."""
    valid = int((clip.sum(axis=(0, 2, 3)) != 0).sum())
    assert start + length <= valid
    part = torch.from_numpy(clip[:, start : start + length])
    rows = part.permute(0, 2, 3, 1).reshape(1, 1, -1, length)
    resized = F.interpolate(rows, size=(rows.shape[2], WINDOW), mode="bilinear", align_corners=False)
    moved = resized.view(3, JOINTS, BODIES, WINDOW).permute(3, 1, 2, 0).reshape(WINDOW, -1, 3)
    turned = moved @ frame_rotations(torch.tensor([angles] * WINDOW)).mT
    return turned.view(WINDOW, JOINTS, BODIES, 3).permute(3, 0, 1, 2).contiguous()


def frame_rotations(angles: Tensor) -> Tensor:
    """(T, 3, 3) matrices Rz Ry Rx of (T, 3) angles."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    one, zero = torch.ones_like(cx), torch.zeros_like(cx)
    about_x = torch.stack([one, zero, zero, zero, cx, sx, zero, -sx, cx], dim=1).view(-1, 3, 3)
    about_y = torch.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], dim=1).view(-1, 3, 3)
    about_z = torch.stack([cz, sz, zero, -sz, cz, zero, zero, zero, one], dim=1).view(-1, 3, 3)
    return about_z @ about_y @ about_x


def measure() -> Result:
    """Both versions on the same clips, after a check that they agree."""
    clips = random_clips(BATCH * BATCHES)
    store, dense = SkeletonStore.from_arrays(clips, "kinect25"), padded(clips)
    pipeline = train_pipeline(Preparation(window=WINDOW, bodies=BODIES, centre=False), Augmentation())
    order = torch.randperm(len(clips), generator=Generator().manual_seed(0)).chunk(BATCHES)
    generator = Generator().manual_seed(0)

    (rotation,) = pipeline.dense
    first = store.gather(order[0])
    draws = dict(pipeline.frames.sample(first, generator))
    crop = pipeline.frames.apply(first, draws)
    draws |= rotation.sample(crop, generator)
    expected = plain_batch(dense, order[0], draws)
    torch.testing.assert_close(rotation.apply(crop, draws).xyz.permute(0, 4, 2, 3, 1), expected, rtol=1e-4, atol=1e-5)

    ours, plain = medians(
        lambda: [pipeline(store.gather(index), generator) for index in order],
        lambda: [plain_batch(dense, order[0], draws) for _ in order],
    )
    return Result(len(clips) / ours, len(clips) / plain)
