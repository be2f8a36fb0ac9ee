"""Random changes of a dense batch that leave the action what it is."""

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch, rotate
from kineme.transforms.base import Draws, Transform, coin, uniform


def rotation_matrix(angles: Tensor) -> Tensor:
    """R = Rz Ry Rx in the field's convention (spec-masked §1.4).

    Args:
        angles: (B, 3) radians about x, y and z.

    Returns:
        (B, 3, 3), to be applied from the left.
    """
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    one, zero = torch.ones_like(cx), torch.zeros_like(cx)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=1).view(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, cx, sx, zero, -sx, cx)
    about_y = matrix(cy, zero, -sy, zero, one, zero, sy, zero, cy)
    about_z = matrix(cz, sz, zero, -sz, cz, zero, zero, zero, one)
    return about_z @ about_y @ about_x


class RandomRotation(Transform[ClipBatch, ClipBatch]):
    """Turn each clip as a whole about the origin of its coordinates.

    Args:
        max_angle: largest angle about x, y and z in radians; drawn from U(-max, max).
    """

    def __init__(self, max_angle: tuple[float, float, float] = (0.3, 0.3, 0.3)) -> None:
        self.max_angle = max_angle

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``angles`` (B, 3), radians."""
        angles = uniform((len(clips), 3), -1.0, 1.0, generator, clips.xyz)
        return {"angles": angles * angles.new_tensor(self.max_angle)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(rotate(clips.xyz, rotation_matrix(draws["angles"])))


class RandomMirror(Transform[ClipBatch, ClipBatch]):
    """Exchange left and right, with the horizontal axis across the body negated, in a share of the clips.

    Args:
        probability: share of clips that are mirrored.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``mirrored`` (B,) bool."""
        return {"mirrored": coin(clips, self.probability, generator)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        mirrored = clips.xyz[..., list(clips.layout.mirror), :].clone()
        mirrored[..., 0].neg_()
        return clips.with_xyz(torch.where(draws["mirrored"].view(-1, 1, 1, 1, 1), mirrored, clips.xyz))


class RandomScale(Transform[ClipBatch, ClipBatch]):
    """Make each clip's bodies taller or smaller.

    Args:
        spread: factor is drawn from U(1 - spread, 1 + spread).
    """

    def __init__(self, spread: float = 0.1) -> None:
        self.spread = spread

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``factor`` (B,)."""
        return {"factor": uniform((len(clips),), 1 - self.spread, 1 + self.spread, generator, clips.xyz)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(clips.xyz * draws["factor"].view(-1, 1, 1, 1, 1))
