"""Which bodies of a batch are worth computing."""

import torch
from torch import Tensor


def present_bodies(present: Tensor, *of_bodies: Tensor) -> tuple[Tensor, ...]:
    """Rows of the bodies that were seen at least once; all rows where nobody was.

    To know how many there are takes one synchronisation with the device.

    Args:
        present: (B, M, T) bool.
        of_bodies: (B*M, ...) each.
    """
    seen = present.any(dim=2).flatten()
    (rows,) = (seen | ~seen.any()).nonzero(as_tuple=True)
    return tuple(each[rows] for each in of_bodies)


def distinct_bodies(xyz: Tensor) -> tuple[Tensor, Tensor]:
    """Bodies that stand for all of a batch: those that repeat an earlier one of their clip, or are absent, share one.

    To know how many there are takes one synchronisation with the device.

    Args:
        xyz: (B, M, T, V, C).

    Returns:
        rows: (N,) int64, bodies among the B*M that differ; ascending.
        who: (B*M,) int64 up to N, which of them each body is like.
    """
    B, M = xyz.shape[:2]
    flat, number = xyz.flatten(2), torch.arange(B * M, device=xyz.device).view(B, M)
    alike = (flat.unsqueeze(1) == flat.unsqueeze(2)).all(dim=-1)
    earliest = number.unsqueeze(1).where(alike, number.unsqueeze(2)).amin(dim=2)
    empty = ~flat.any(dim=-1)
    first_empty = number.where(empty, B * M).amin()
    rows, who = earliest.where(~empty, first_empty).flatten().unique(return_inverse=True)
    return rows, who
