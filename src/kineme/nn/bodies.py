"""Which bodies of a batch are worth computing."""

import torch
from torch import Tensor


def present_bodies(present: Tensor) -> Tensor:
    """Rows (N,) int64 of the bodies that were seen at least once; all rows where nobody was.

    To know how many there are takes one synchronisation with the device.

    Args:
        present: (B, M, T) bool.
    """
    seen = present.any(dim=2).flatten()
    return (seen | ~seen.any()).nonzero().squeeze(1)


def sampled_bodies(present: Tensor, share: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """The bodies that were seen, and a few of the others, which stand for all of these.

    A sum over the chosen bodies with their weights is, on average over the draws, the mean over all bodies. To know how
    many there are takes one synchronisation with the device.

    Args:
        present: (B, M, T) bool.
        share: of the absent bodies that is chosen.
        uniform: (B*M,) draws from U(0, 1).

    Returns:
        rows: (N,) int64, at least one.
        weight: (N,).
    """
    seen = present.any(dim=2).flatten()
    chosen = seen | (uniform < share)
    weight = (chosen / torch.where(seen, 1, share)) / len(seen)
    # Where nobody was seen or chosen, the first body is computed for nothing, so that there is a loss at all.
    chosen[0] |= ~chosen.any()
    rows = chosen.nonzero().squeeze(1)
    return rows, weight[rows].to(uniform.dtype)


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
