"""Attention between two views of an action, and its co-occurrence map (DANet, spec-danet §4.5; our reading).

Joints (or frames) of one view attend to those of the other, and the other way round. The product of the two maps, each
row summing to one, is softmax of the summed scores; it is one map for both views. It is made from means over the other
axis, because views need not run in step. Views are stacked, (W, N, T, V, D); a single one (W = 1) is its own partner.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from kineme.nn.last_norm import LastNorm
from kineme.nn.matmul import Linear

ValueSource = Literal["own", "other"]
SLOPE = 0.1
"""Of leaky ReLU below zero."""


class CrossAttention(nn.Module):
    """Tokens of two views, mixed by their co-occurrence map. Tokens are on the third axis: (W, N, L, R, D).

    There are as many maps as clips, not as frames, and one serves both views, so fused attention would save nothing.

    Args:
        width: D.
        heads: H; must divide D.
        value_source: whose values the map mixes, a view's own or its partner's.
    """

    def __init__(self, width: int, heads: int, value_source: ValueSource = "own") -> None:
        super().__init__()
        self.heads, self.value_source = heads, value_source
        self.qk = Linear(width, 2 * width)
        self.value = Linear(width, width)
        self.out = Linear(width, width)

    def scores(self, views: Tensor) -> Tensor:
        """How much each view's tokens (queries) agree with the partner's (keys): (W, N, H, L, L)."""
        tokens = self.qk(views.mean(dim=3)).unflatten(-1, (2, self.heads, -1))
        query, key = (each.transpose(2, 3) for each in tokens.unbind(dim=-3))
        return query @ key.flip(0).mT * query.shape[-1] ** -0.5

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed tokens (W, N, L, R, D), and the scores."""
        scores = self.scores(views)
        values = self.value(views).unflatten(-1, (self.heads, -1))
        W, N, L, R, H, _ = values.shape
        values = values.permute(0, 1, 4, 2, 3, 5).flatten(4)
        mixed = cooccurrence(scores) @ (values.flip(0) if self.value_source == "other" else values)
        mixed = mixed.view(W, N, H, L, R, -1).permute(0, 1, 3, 4, 2, 5).flatten(4)
        return self.out(mixed), scores


class CrossBlock(nn.Module):
    """Cross-attention over joints, then over frames, each normalised and added to what came in.

    Args:
        width: D.
        heads: H; must divide D.
        value_source: whose values the maps mix.
    """

    def __init__(self, width: int, heads: int, value_source: ValueSource = "own") -> None:
        super().__init__()
        self.spatial = CrossAttention(width, heads, value_source)
        self.spatial_norm = LastNorm(width)
        self.temporal = CrossAttention(width, heads, value_source)
        self.temporal_norm = LastNorm(width)

    def forward(self, views: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(W, N, T, V, D) to the same, and scores over joints (W, N, H, V, V) and over frames (W, N, H, T, T)."""
        mixed, joints = self.spatial(views.transpose(2, 3))
        views = F.leaky_relu(views + self.spatial_norm(mixed.transpose(2, 3)), SLOPE, inplace=True)
        mixed, frames = self.temporal(views)
        return F.leaky_relu(views + self.temporal_norm(mixed), SLOPE, inplace=True), (joints, frames)


def cooccurrence(scores: Tensor) -> Tensor:
    """Map of a pair of views, the same for both: (W, N, H, L, L) to (N, H, L, L)."""
    return (2 * scores.mean(dim=0)).softmax(dim=-1)


def disagreement(scores: Tensor) -> Tensor:
    """Mean squared difference of a pair's two maps, before they are multiplied: (2, N, H, L, L) to ()."""
    first, second = scores.softmax(dim=-1)
    return F.mse_loss(first, second)
