"""Bones that grow and shrink, along the tree of the graph-convolution convention."""

from functools import cache

import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.base import Draws, Transform, uniform


def root_joint(layout: Layout) -> int:
    """Position of the joint that is its own parent in the graph-convolution convention (the first, if several)."""
    return next(joint for joint, parent in enumerate(layout.gcn_parents) if joint == parent)


class BoneRescale(Transform[ClipBatch, ClipBatch]):
    """Multiply every bone by a draw of its own, the same in all frames and bodies; roots stay where they are.

    The field walks the tree from the root to the leaves. The pose it arrives at is linear in the old one: a joint
    is the sum of the new bones on its way from the root, so one matrix per clip does it.

    Args:
        strength: factors are drawn from U(0, strength); the published 0.5 leaves no bone more than half its length.
    """

    def __init__(self, strength: float = 0.5) -> None:
        self.strength = strength

    def sample(self, clips: ClipBatch, generator: Generator) -> Draws:
        """``factor`` (B, V), by joint; that of a root does nothing."""
        shape = (len(clips), clips.layout.num_joints)
        return {"factor": uniform(shape, 0.0, self.strength, generator, clips.xyz)}

    def apply(self, clips: ClipBatch, draws: Draws) -> ClipBatch:
        B, _, _, V, C = clips.xyz.shape
        below, bones, roots = (part.to(clips.xyz) for part in bone_tree(clips.layout))
        matrix = roots + below @ (draws["factor"].to(clips.xyz)[:, :, None] * bones)
        wide = matrix[:, :, None, :, None] * torch.eye(C, dtype=matrix.dtype, device=matrix.device)[:, None, :]
        xyz = torch.bmm(clips.xyz.reshape(B, -1, V * C), wide.reshape(B, V * C, V * C).mT)
        return clips.with_xyz(xyz.view_as(clips.xyz))


@cache
def bone_tree(layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Three (V, V): a joint's bone counts for it and all below; the bone of a joint; the root that it hangs on."""
    parents = torch.tensor(layout.gcn_parents)
    V = len(parents)
    eye = torch.eye(V)
    below, ancestor = eye.clone(), parents
    for _ in range(V):
        below[torch.arange(V), ancestor] = 1.0
        ancestor = parents[ancestor]
    return below, eye - eye[parents], eye[ancestor]
