"""The three forms a clip takes on its way from a file to a model, and the letters that describe them.

B clips, M bodies, T frames, V joints, C coordinates. Coordinates are metres in the layout's frame (x right,
y up unless the layout says otherwise). An absent body is told by a mask, never guessed from zeros.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from kineme.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One recorded action: what a dataset parser returns and what a store gives back.

    Args:
        id: unique name within a store, by default the recording's file name without extension.
        xyz: (M, T, V, C) float32 coordinates, one body per slot, zero where absent.
        present: (M, T) bool, whether the body was seen in that frame.
        label: 0-based class, or None where unknown.
        subject, camera, setup, replication: who, from where and how it was recorded; -1 where unknown.
        fps: frames per second; 0 where unknown.
        confidence: (M, T, V) float32 of a pose estimator, 0 for a joint that was not found; None where unknown.
        segments: (S, 3) int rows of label, first frame and end (exclusive): actions within an uncut recording.
    """

    id: str
    xyz: np.ndarray
    present: np.ndarray
    label: int | None = None
    subject: int = -1
    camera: int = -1
    setup: int = -1
    replication: int = -1
    fps: float = 0.0
    confidence: np.ndarray | None = None
    segments: np.ndarray | None = None

    def frame_labels(self, num_classes: int) -> np.ndarray:
        """(T, K) bool: which actions of `segments` are going on in each frame; they may overlap."""
        labels = np.zeros((self.present.shape[1], num_classes), bool)
        for label, start, end in () if self.segments is None else self.segments.tolist():
            labels[start:end, label] = True
        return labels


@dataclass(frozen=True)
class Pose:
    """Where each clip's coordinate frame lies in the recorded one: x_new = rotation (x - offset).

    Args:
        offset: (B, C) metres, or None for no shift.
        rotation: (B, C, C), or None for no rotation; it may scale the axes too (see `kineme.transforms.minmax`).
    """

    offset: Tensor | None = None
    rotation: Tensor | None = None

    def apply(self, xyz: Tensor, seen: Tensor) -> Tensor:
        """Coordinates in the new frame.

        Args:
            xyz: (B, M, T, V, C), zero where absent.
            seen: (B, M, T) share of each body-frame that was seen: 1 or 0, or between where frames are blended.
        """
        if self.offset is not None:
            xyz = xyz - self.offset[:, None, None, None, :] * seen[..., None, None]
        return xyz if self.rotation is None else rotate(xyz, self.rotation)


def rotate(xyz: Tensor, rotation: Tensor) -> Tensor:
    """Turn every point of clip b by ``rotation[b]``: (B, ..., C) and (B, C, C) give (B, ..., C)."""
    B, C, _ = rotation.shape
    # Points go in fours where their number allows: a product with a 12 x 12 matrix is far faster than one with 3 x 3.
    points = 4 if xyz[0].numel() % (4 * C) == 0 else 1
    eye = torch.eye(points, dtype=xyz.dtype, device=xyz.device)
    blocks = (eye[:, None, :, None] * rotation.mT[:, None, :, None, :]).reshape(B, points * C, points * C)
    return torch.bmm(xyz.reshape(B, -1, points * C), blocks).view_as(xyz)


@dataclass(frozen=True)
class RaggedClips:
    """A batch as addresses into the store's rows: nothing is copied until a transform reads frames.

    Row ``start[b] + m * length[b] + t`` of ``xyz`` holds body ``m`` of clip ``b`` at frame ``t``.

    Args:
        xyz: (R, V, C) rows of the whole store, resident or memory-mapped.
        present: (R,) bool.
        start: (B,) int64 first row of each clip.
        length: (B,) int64 frames of each clip.
        bodies: (B,) int64 stored body slots of each clip.
        index: (B,) int64 position of each clip in the store.
        label: (B,) int64, -1 where unknown.
        pose: coordinate frame in which frames are read.
    """

    xyz: Tensor
    present: Tensor
    start: Tensor
    length: Tensor
    bodies: Tensor
    index: Tensor
    label: Tensor
    layout: Layout
    pose: Pose = field(default_factory=Pose)

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, frame: Tensor, max_bodies: int) -> tuple[Tensor, Tensor]:
        """Rows that hold the given frames.

        Args:
            frame: (B, T) int64 frame numbers within each clip.
            max_bodies: M, body slots wanted per clip.

        Returns:
            (B, M, T) int64 rows (row of the first body where the slot does not exist), and (B, M) bool, whether
            the clip has that slot at all.
        """
        slot = torch.arange(max_bodies, device=frame.device)
        exists = slot < self.bodies[:, None]
        body_start = self.start[:, None] + torch.where(exists, slot * self.length[:, None], 0)
        return body_start[:, :, None] + frame[:, None, :], exists

    def take(self, rows: Tensor) -> Tensor:
        """Coordinates of rows in any arrangement: (...) int64 to (..., V, C)."""
        return self.xyz.index_select(0, rows.flatten()).view(*rows.shape, *self.xyz.shape[1:])

    def copied_to(self, device: torch.device) -> "RaggedClips":
        """The same clips on a device, with a copy of their own rows and of no others; in the recorded pose."""
        assert self.pose.offset is self.pose.rotation is None, "clips are copied before they are posed"
        extent = self.length * self.bodies
        start = extent.cumsum(0) - extent
        rows = torch.arange(int(extent.sum())) + (self.start - start).repeat_interleave(extent)
        xyz, present = self.xyz.index_select(0, rows), self.present.index_select(0, rows)
        if device.type == "cuda":
            xyz, present = xyz.pin_memory(), present.pin_memory()
        columns = (start, self.length, self.bodies, self.index, self.label)
        moved = (each.to(device, non_blocking=True) for each in (xyz, present, *columns))
        return RaggedClips(*moved, layout=self.layout)

    def pad(self, max_bodies: int | None = None) -> "ClipBatch":
        """Dense copy at the clips' own frame rate, padded with absent frames to the longest clip."""
        bodies = max_bodies or int(self.bodies.max())
        frame = torch.arange(int(self.length.max()), device=self.start.device)
        inside = frame < self.length[:, None]
        rows, exists = self.rows(torch.where(inside, frame, 0), bodies)
        present = self.present[rows] & exists[:, :, None] & inside[:, None, :]
        xyz = self.take(rows).mul_(present[..., None, None])
        xyz = self.pose.apply(xyz, present.to(xyz.dtype))
        return ClipBatch(xyz, present, self.length, self.index, self.label, self.layout)


@dataclass(frozen=True)
class ClipBatch:
    """A dense batch: what transforms change and what models read.

    Args:
        xyz: (B, M, T, V, C) float32.
        present: (B, M, T) bool.
        length: (B,) int64 valid frames; T after resampling to a window.
        index: (B,) int64 position of each clip in the store.
        label: (B,) int64, -1 where unknown.
    """

    xyz: Tensor
    present: Tensor
    length: Tensor
    index: Tensor
    label: Tensor
    layout: Layout

    def __len__(self) -> int:
        return len(self.xyz)

    def with_xyz(self, xyz: Tensor, layout: Layout | None = None) -> "ClipBatch":
        """The same clips with other coordinates (and, where given, in another layout)."""
        return replace(self, xyz=xyz, layout=layout or self.layout)
