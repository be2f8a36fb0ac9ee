"""One vector per clip from an encoder's features (B, M, S, V, D)."""

from collections.abc import Callable

import torch
from torch import Tensor

from kineme.nn.heads import pooled


def joint(features: Tensor) -> Tensor:
    """Mean over bodies and slots, joints side by side: (B, V*D)."""
    return features.mean(dim=(1, 2)).flatten(1)


def moments(features: Tensor) -> Tensor:
    """Mean over slots and joints, spread over slots, spread over joints, each a mean over bodies: (B, 3*D)."""
    over_slots = features.std(dim=2, correction=0).mean(dim=2)
    over_joints = features.mean(dim=2).std(dim=2, correction=0)
    return torch.cat([features.mean(dim=(2, 3)), over_slots, over_joints], dim=-1).mean(dim=1)


pools: dict[str, Callable[[Tensor], Tensor]] = {"mean": pooled, "joint": joint, "moments": moments}
