"""A pose seen from the body itself: where it stands, how it faces and how it leans, by its first frame (AgRNet)."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.clips import Pose, RaggedClips
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform
from kineme.transforms.canonical import first_rows

_TINY = 1e-6


class Align(Transform[RaggedClips, RaggedClips]):
    """Move the first body's root to zero and turn its spine to the third axis (`view_align` of spec-agrnet §3.1).

    The first axis runs from the right hip to the left (`Layout.across`), at a right angle to the spine. Both are read
    in the first frame in which the first body is present and hold for the whole clip. The published description
    leaves the sense of the second axis open; ours makes it a rotation and no reflection. Frames with a joint at zero,
    which the authors drop, stay. A body without length or breadth in that first frame is not turned.
    """

    def apply(self, clips: RaggedClips, draws: Draws) -> RaggedClips:
        """The aligned clips.

        Raises:
            LayoutError: clips in the picture plane, which cannot be turned in space.
        """
        body = clips.xyz[first_rows(clips)]
        lower, upper = (body[:, joints].mean(dim=1) for joints in spine(clips.layout))
        return replace(clips, pose=Pose(lower, _axes(body, upper - lower, clips.layout)))


def spine(layout: Layout) -> tuple[list[int], list[int]]:
    """Joints at whose mean the spine begins, and at whose mean it ends.

    From the tree's root to its first child that has no side. Where there is none, as the tree hangs from the head:
    from the layout's origin to the root.
    """
    for joint, parent in layout.bones:
        if parent == layout.root and layout.mirror[joint] == joint:
            return [parent], [joint]
    return layout.indices(layout.origin), [layout.root]


def _axes(body: Tensor, up: Tensor, layout: Layout) -> Tensor:
    """(B, 3, 3) rotations whose rows are the new axes of each (V, 3) body with its spine along ``up`` (B, 3)."""
    if body.shape[-1] != 3:
        raise LayoutError(
            f"alignment needs 3 coordinates per joint, clips of {layout.name} have {body.shape[-1]}; "
            f"switch it off with --prepare.no-align"
        )
    left, right = layout.indices(layout.across)
    third = F.normalize(up, dim=1)
    breadth = body[:, left] - body[:, right]
    breadth = breadth - (breadth * third).sum(dim=1, keepdim=True) * third
    first = F.normalize(breadth, dim=1)
    axes = torch.stack([first, torch.linalg.cross(third, first), third], dim=1)
    known = (up.norm(dim=1) > _TINY) & (breadth.norm(dim=1) > _TINY)
    return torch.where(known[:, None, None], axes, torch.eye(3, dtype=body.dtype, device=body.device))
