"""Self-attention that knows how its tokens are related (DANet, spec-danet §4.2 f.; our reading).

Three terms decide how much one token attends to another: the two joints, the two body parts, and the type of the pair.
The last heads see related pairs only. In space the tokens are the joints of a frame, in time the frames of a joint.
Maps are (N, T, V, D) throughout, so that every projection is one product.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.layout import Layout
from kineme.nn.matmul import Linear
from kineme.nn.relations import RELATIONS, local_pairs, part_membership, relation_types


class RelationAttention(nn.Module):
    """Base of both: what they project, and how scores come about.

    The score of query i and key j in head h is (q_i·k_j + γ_h q'_i·k'_j) / √d + β_h[type of (i, j)], where q' and k'
    are of the part's mean. Both products are one of longer vectors, so that fused attention computes them.

    Args:
        in_width: D.
        width: D'.
        heads: H; must divide D'.
        local_heads: how many of them, the last ones, see related pairs only.
        layout: V joints and P parts.
        relations: types of pairs.
        drop_connect: probability in training that a head does not see a key.
    """

    members: Tensor
    is_local: Tensor

    def __init__(
        self,
        in_width: int,
        width: int,
        heads: int,
        local_heads: int,
        layout: Layout,
        relations: int,
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.drop_connect = heads, drop_connect
        self.scale = (width // heads) ** -0.5
        self.qkv = Linear(in_width, 3 * width)
        self.part_qk = nn.Linear(in_width, 2 * width, bias=False)
        self.gamma = nn.Parameter(torch.ones(heads))
        self.beta = nn.Parameter(torch.zeros(heads, relations))
        self.out = Linear(width, width)
        self._constant("members", torch.from_numpy(part_membership(layout).T).float())
        self._constant("is_local", torch.arange(heads) >= heads - local_heads)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, V, D) to (N, T, V, D')."""
        query, key, value = self.tokens_of(x)
        # On the CPU torch has no fused kernel where what is added to scores learns, and its substitute is slower.
        attend = self.attend_by_map if x.device.type == "cpu" else self.attend_fused
        return self.out(self._as_map(attend(query, key, value), len(x)))

    def attention(self, x: Tensor) -> Tensor:
        """The map that `forward` attends with: spatial (N, T, H, V, V), temporal (N, V, H, T, T)."""
        query, key, _ = self.tokens_of(x)
        return self._map(query, key).unflatten(0, (len(x), -1))

    def attend_fused(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Values by attention (sequences, H, L, D'/H), and no map in memory."""
        return F.scaled_dot_product_attention(query, key, value, self.scores_bias(query), scale=self.scale)

    def attend_by_map(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The same by way of the map."""
        return self._map(query, key) @ value

    def _map(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.mT * self.scale + self.scores_bias(query)).softmax(dim=-1)

    def tokens_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys with those of their parts, (sequences, H, L, 2 D'/H) each, and values with D'/H."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(dim=-3)
        parts = self.part_qk(self.members.T @ x / self.members.sum(dim=0)[:, None]).unflatten(-1, (2, self.heads, -1))
        of_query, of_key = parts.unbind(dim=-3)
        query = torch.cat([query, self._of_joints(of_query * self.gamma[:, None])], dim=-1)
        key = torch.cat([key, self._of_joints(of_key)], dim=-1)
        return self._as_sequences(query), self._as_sequences(key), self._as_sequences(value)

    def scores_bias(self, query: Tensor) -> Tensor:
        """What is added to scores: β, and -inf for a key that is not seen; (H, L, L), or one for every sequence."""
        length = query.shape[-2]
        hidden = ~self.local(length) & self.is_local[:, None, None]
        if self.training and self.drop_connect:
            hidden = self._drop_keys(hidden, len(query))
        return self.beta[:, self.relation(length)].masked_fill(hidden, -torch.inf)

    def relation(self, length: int) -> Tensor:
        """Type of every pair of tokens: (L, L) int64."""
        raise NotImplementedError

    def local(self, length: int) -> Tensor:
        """Whether local heads see a pair of tokens: (L, L) bool."""
        raise NotImplementedError

    def _as_sequences(self, x: Tensor) -> Tensor:
        """(N, T, V, H, d) to (sequences, H, L, d)."""
        raise NotImplementedError

    def _as_map(self, z: Tensor, num_bodies: int) -> Tensor:
        """(sequences, H, L, d) to (N, T, V, D')."""
        raise NotImplementedError

    def _of_joints(self, parts: Tensor) -> Tensor:
        """Every joint gets what its part has: (N, T, P, H, d) to (N, T, V, H, d)."""
        return (self.members @ parts.flatten(3)).unflatten(-1, parts.shape[3:])

    def _drop_keys(self, hidden: Tensor, num_sequences: int) -> Tensor:
        """Hide keys at random (sequences, H, L, L); a query that would see none goes on seeing those it saw."""
        heads, length, _ = hidden.shape
        dropped = torch.rand(num_sequences, heads, 1, length, device=hidden.device) < self.drop_connect
        more = hidden | dropped
        return torch.where(more.all(dim=-1, keepdim=True), hidden, more)

    def _constant(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value, persistent=False)


class SpatialRelationAttention(RelationAttention):
    """Joints of a frame attend to each other; types are those of `relation_types`. Arguments as in the base."""

    types: Tensor
    is_near: Tensor

    def __init__(
        self, in_width: int, width: int, heads: int, local_heads: int, layout: Layout, *, drop_connect: float = 0.0
    ) -> None:
        super().__init__(in_width, width, heads, local_heads, layout, RELATIONS, drop_connect)
        self._constant("types", torch.from_numpy(relation_types(layout)))
        self._constant("is_near", torch.from_numpy(local_pairs(layout)))

    def relation(self, length: int) -> Tensor:
        return self.types

    def local(self, length: int) -> Tensor:
        return self.is_near

    def _as_sequences(self, x: Tensor) -> Tensor:
        return x.flatten(0, 1).transpose(1, 2)

    def _as_map(self, z: Tensor, num_bodies: int) -> Tensor:
        return z.transpose(1, 2).flatten(2).unflatten(0, (num_bodies, -1))


class TemporalRelationAttention(RelationAttention):
    """Frames of a joint attend to each other; the type of a pair is how many frames the key is later.

    Args:
        in_width: D.
        width: D'.
        heads: H; must divide D'.
        local_heads: how many of them, the last ones, see near frames only.
        layout: joints and parts.
        furthest: frames beyond which distances count as equal.
        reach: frames that local heads look to either side; an eighth of those there are where None.
        drop_connect: probability in training that a head does not see a key.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        heads: int,
        local_heads: int,
        layout: Layout,
        *,
        furthest: int = 32,
        reach: int | None = None,
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__(in_width, width, heads, local_heads, layout, 2 * furthest + 1, drop_connect)
        self.furthest, self.reach = furthest, reach

    def relation(self, length: int) -> Tensor:
        return self._later(length).clamp(-self.furthest, self.furthest) + self.furthest

    def local(self, length: int) -> Tensor:
        return self._later(length).abs() <= (max(1, length // 8) if self.reach is None else self.reach)

    def _later(self, length: int) -> Tensor:
        frame = torch.arange(length, device=self.beta.device)
        return frame - frame[:, None]

    def _as_sequences(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1, 4).flatten(0, 1)

    def _as_map(self, z: Tensor, num_bodies: int) -> Tensor:
        return z.unflatten(0, (num_bodies, -1)).permute(0, 3, 1, 2, 4).flatten(3)
