"""Momentum contrast: a projector, a queue of past keys, and networks that follow others slowly (spec-contrastive §4).

He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.nn.processes import gather_rows
from kineme.nn.stgcn import init_moco


class Projector(nn.Sequential):
    """Two linear layers with a ReLU between: (B, D) to (B, D').

    Args:
        width: D.
        features: D'.
    """

    def __init__(self, width: int, features: int) -> None:
        super().__init__(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, features))
        init_moco(self)


class Queue(nn.Module):
    """The keys of the last steps, unit vectors; the oldest make room for new ones.

    Args:
        size: K.
        features: D'.
    """

    keys: Tensor
    place: Tensor

    def __init__(self, size: int, features: int) -> None:
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(size, features), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def add(self, keys: Tensor) -> None:
        """Put in keys (B, D') of all processes; of more than fit, the last."""
        size = len(self.keys)
        rows = gather_rows(keys)[-size:].to(self.keys.dtype)
        where = (self.place + torch.arange(len(rows), device=rows.device)) % size
        self.keys[where] = rows
        self.place.copy_((self.place + len(rows)) % size)


@torch.no_grad()
def follow(follower: nn.Module, leader: nn.Module, momentum: float) -> None:
    """Move the follower's parameters towards the leader's; what batch norms have counted stays its own."""
    for mine, theirs in zip(follower.parameters(), leader.parameters(), strict=True):
        mine.lerp_(theirs, 1 - momentum)
