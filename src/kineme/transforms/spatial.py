"""Random changes of space: what a clip's points become, whatever the frame (spec-contrastive §2)."""

import math

import torch
from torch import Generator

from kineme.clips import ClipBatch, rotate
from kineme.transforms.augment import rotation_matrix
from kineme.transforms.base import Draws, Transform, coin, integers, uniform
from kineme.transforms.bones import root_joint


class Shear(Transform[ClipBatch, ClipBatch]):
    """Add to each axis a share of the others: x' = R x with ones on the diagonal of R.

    Args:
        amplitude: shares are drawn from U(-amplitude, amplitude).
        keep_root: leave the root of the bone tree where it is; without effect on root-relative clips.
    """

    def __init__(self, amplitude: float = 0.5, *, keep_root: bool = False) -> None:
        self.amplitude, self.keep_root = amplitude, keep_root

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``matrix`` (B, C, C)."""
        C = clips.xyz.shape[-1]
        shares = uniform((len(clips), C, C), -self.amplitude, self.amplitude, generator, clips.xyz)
        eye = torch.eye(C, device=shares.device)
        return {"matrix": torch.where(eye > 0, eye, shares)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        xyz = rotate(clips.xyz, draws["matrix"].to(clips.xyz))
        if self.keep_root:
            root = root_joint(clips.layout)
            xyz[..., root, :] = clips.xyz[..., root, :]
        return clips.with_xyz(xyz)


class Swap(Transform[ClipBatch, ClipBatch]):
    """Exchange left and right joints in a share of the clips and mirror no coordinate: the body faces the other way.

    `RandomMirror` is the usual reflection, which negates the axis across the body as well.

    Args:
        probability: share of clips that are changed.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``swapped`` (B,) bool."""
        return {"swapped": coin(clips, self.probability, generator)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        mirror = torch.tensor(clips.layout.mirror, device=clips.xyz.device)
        swapped = clips.xyz.index_select(3, mirror)
        return clips.with_xyz(torch.where(draws["swapped"].view(-1, 1, 1, 1, 1), swapped, clips.xyz))


class MainRotation(Transform[ClipBatch, ClipBatch]):
    """Turn each clip a good deal about one axis and a little about the others.

    Args:
        main: largest angle about the axis that is drawn, radians.
        other: largest angle about the other two.
    """

    def __init__(self, main: float = math.radians(30), other: float = math.radians(1)) -> None:
        self.main, self.other = main, other

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``angles`` (B, 3), radians, none of them negative."""
        axis = integers((len(clips), 1), 3, generator, clips.xyz)
        angles = uniform((len(clips), 3), 0.0, 1.0, generator, clips.xyz)
        is_main = axis == torch.arange(3, device=axis.device)
        return {"angles": angles * torch.where(is_main, self.main, self.other)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(rotate(clips.xyz, rotation_matrix(draws["angles"]).to(clips.xyz)))


class AxisMask(Transform[ClipBatch, ClipBatch]):
    """Set one coordinate axis to zero in a share of the clips.

    Args:
        probability: share of clips that are changed.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``axis`` (B,) int64, -1 where all axes stay."""
        axis = integers((len(clips),), clips.xyz.shape[-1], generator, clips.xyz)
        return {"axis": torch.where(coin(clips, self.probability, generator), axis, -1)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        axes = torch.arange(clips.xyz.shape[-1], device=clips.xyz.device)
        return clips.with_xyz(clips.xyz * (axes != draws["axis"][:, None])[:, None, None, None, :])
