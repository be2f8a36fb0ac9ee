"""Tokens of a skeleton sequence: one per joint and segment of consecutive frames, in slot-major order.

Token ``slot * V + joint`` covers ``segment`` frames of one joint; its features run over frames first, then
coordinates.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def to_segments(x: Tensor, segment: int) -> Tensor:
    """Cut sequences into tokens: (B, T, V, C) to (B, S*V, segment*C), S = T / segment."""
    B, T, V, C = x.shape
    x = x.view(B, T // segment, segment, V, C).transpose(2, 3)
    return x.reshape(B, T // segment * V, segment * C)


def from_segments(tokens: Tensor, num_joints: int, segment: int) -> Tensor:
    """Inverse of `to_segments`: (B, S*V, segment*C) to (B, T, V, C)."""
    B, L, F_ = tokens.shape
    x = tokens.view(B, L // num_joints, num_joints, segment, F_ // segment).transpose(2, 3)
    return x.reshape(B, -1, num_joints, F_ // segment)


def take_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """Tokens at given positions: (B, L, D) and (B, K) int64 give (B, K, D)."""
    return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def put_tokens(grid: Tensor, index: Tensor, tokens: Tensor) -> Tensor:
    """The grid (B, L, D) with tokens (B, K, D) put at given positions (B, K) int64."""
    return grid.scatter(1, index.unsqueeze(-1).expand_as(tokens), tokens)


def positions_where(mask: Tensor, count: int) -> Tensor:
    """Positions at which a mask (B, L) bool holds, in ascending order: (B, count) int64.

    Every row must have ``count`` of them, which makes it possible without asking the device how many there are.
    """
    return mask.byte().argsort(dim=1, descending=True, stable=True)[:, :count]


class Positions(nn.Module):
    """Learned positions, separable in time and joint.

    Args:
        slots: S.
        joints: V.
        width: D.
    """

    def __init__(self, slots: int, joints: int, width: int) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.empty(1, slots, 1, width))
        self.joint = nn.Parameter(torch.empty(1, 1, joints, width))
        nn.init.trunc_normal_(self.time, std=0.02)
        nn.init.trunc_normal_(self.joint, std=0.02)

    def forward(self) -> Tensor:
        """(1, S*V, D), slot-major."""
        return (self.time + self.joint).flatten(1, 2)


def resize_time_table(table: Tensor, slots: int) -> Tensor:
    """Position table (1, S, 1, D) for another number of slots, by bicubic interpolation along time."""
    if table.shape[1] == slots:
        return table
    image = table.permute(0, 3, 1, 2)
    resized = F.interpolate(image, size=(slots, 1), mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1)
