"""What contrastive methods are fed on: every body about its own root, facing the viewer in every frame.

Rules of spec-contrastive §1.2. The field subtracts the root before it resizes a clip; here it is done after, which
is the same up to rounding, since both are linear and all joints of a frame are resized with the same weights.
"""

from torch import Tensor

from kineme.clips import ClipBatch
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform
from kineme.transforms.bones import root_joint


class RootRelative(Transform[ClipBatch, ClipBatch]):
    """Each joint minus the root of the bone tree, per body and frame; movement through the room is lost."""

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        root = root_joint(clips.layout)
        return clips.with_xyz(clips.xyz - clips.xyz[..., root : root + 1, :])


class YawPerFrame(Transform[ClipBatch, ClipBatch]):
    """Turn each body in each frame about the vertical until its shoulders point along the first horizontal axis.

    The sense of the turn is one for the whole track of a body, so a body that turns around meanwhile is turned the
    wrong way in part of it, and the margin that keeps an empty body finite turns every body by a degree or two:
    both are the field's rule. Layouts without shoulders are turned by their `Layout.across`.

    Args:
        margin: added to the width of the shoulders, in the layout's unit.
    """

    def __init__(self, margin: float = 1e-4) -> None:
        self.margin = margin

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        """The turned clips.

        Raises:
            LayoutError: clips in the picture plane, which have no vertical axis to turn about.
        """
        first, second = _horizontal(clips)
        left, right = _shoulders(clips.layout)
        line = clips.xyz[..., right, :] - clips.xyz[..., left, :]
        cos, sin = self._angle(line[..., first], line[..., second])
        xyz = clips.xyz.clone()
        u, v = clips.xyz[..., first], clips.xyz[..., second]
        xyz[..., first], xyz[..., second] = cos * u - sin * v, sin * u + cos * v
        return clips.with_xyz(xyz)

    def _angle(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine, (B, M, T, 1) each, of the turn for shoulder lines (u, v) of (B, M, T)."""
        width = (u.square() + v.square()).sqrt()
        # The sine belongs to arccos(u / (width + margin)); written out, nothing cancels where the two are close.
        sin = (v.square() + 2 * self.margin * width + self.margin**2).sqrt()
        sense = 1.0 - 2.0 * (v.sum(dim=2, keepdim=True) >= 0).to(v.dtype)
        return (u / (width + self.margin))[..., None], (sense * sin / (width + self.margin))[..., None]


def _shoulders(layout: Layout) -> list[int]:
    """Positions of the left and right shoulder, or of what else tells the way a body faces."""
    shoulders = ("left_shoulder", "right_shoulder")
    return layout.indices(shoulders if set(shoulders) <= set(layout.joints) else layout.across)


def _horizontal(clips: ClipBatch) -> list[int]:
    if clips.xyz.shape[-1] != 3:
        raise LayoutError(
            f"yaw alignment needs 3 coordinates per joint, clips of {clips.layout.name} have {clips.xyz.shape[-1]}; "
            f"switch it off with --prepare.no-yaw-per-frame"
        )
    return [axis for axis in range(3) if axis != "xyz".index(clips.layout.up[1])]
