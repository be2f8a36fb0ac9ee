"""Joint, bone and motion streams, and conversion between layouts."""

import torch

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform


class Bone(Transform[ClipBatch, ClipBatch]):
    """Each joint minus its parent in the graph-convolution convention; zero where a joint is its own parent."""

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(clips.xyz - clips.xyz[..., list(clips.layout.gcn_parents), :])


class Motion(Transform[ClipBatch, ClipBatch]):
    """Displacement to the frame ``stride`` later; zero in the last ``stride`` frames.

    Args:
        stride: distance in frames.
    """

    def __init__(self, stride: int = 1) -> None:
        self.stride = stride

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        return clips.with_xyz(displacement(clips.xyz, self.stride, time_axis=2))


def displacement(x: torch.Tensor, stride: int, time_axis: int) -> torch.Tensor:
    """x[t + stride] - x[t] along an axis, zero in the last ``stride`` places; same shape as ``x``."""
    stride = min(stride, x.shape[time_axis])
    kept = x.shape[time_axis] - stride
    moved = x.narrow(time_axis, stride, kept) - x.narrow(time_axis, 0, kept)
    return torch.cat([moved, torch.zeros_like(x.narrow(time_axis, 0, stride))], dim=time_axis)


class ToLayout(Transform[ClipBatch, ClipBatch]):
    """Clips with the joints and axes of another layout (see `Layout.mapping_to` and `Layout.turn_to`).

    Raises:
        LayoutError: when applied to clips whose joints or unit do not allow it.
    """

    def __init__(self, target: Layout) -> None:
        self.target = target

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        matrices = clips.layout.mapping_to(self.target), clips.layout.turn_to(self.target, clips.xyz.shape[-1])
        mapping, turn = (torch.from_numpy(matrix).to(clips.xyz) for matrix in matrices)
        return clips.with_xyz(mapping @ clips.xyz @ turn.mT, layout=self.target)
