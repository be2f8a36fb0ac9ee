"""Blocks of ST-GCN: joints gather from their neighbours, then every joint convolves in time (spec-contrastive §3).

Maps are (N, D, T, V) tensors in channels-last memory, so that both products of a graph convolution read them as they
lie.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.nn.dropout import Dropout

KERNEL = 9
"""Frames that a temporal convolution sees."""


class GraphConv(nn.Module):
    """What joint w becomes: Σ_k Σ_v A[k, v, w] (W_k x_v + b_k).

    Joints gather before the 1x1 convolution, not after it as in the authors' code. The result is the same, and there
    is less to gather where a block has more features out than in.

    Args:
        in_width: D.
        width: D'.
        partitions: K.
    """

    def __init__(self, in_width: int, width: int, partitions: int) -> None:
        super().__init__()
        self.partitions = partitions
        self.conv = nn.Conv2d(in_width, partitions * width, kernel_size=1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """(N, D, T, V) and (K, V, V) to (N, D', T, V)."""
        N, D, T, V = x.shape
        # Autocast would otherwise convert the expanded matrix, one copy for every frame.
        gather = adjacency.permute(2, 0, 1).reshape(V * self.partitions, V).to(x.dtype)
        bodies = x.permute(0, 2, 3, 1).reshape(N * T, V, D)
        gathered = torch.bmm(gather.expand(N * T, -1, -1), bodies).view(N, T, V, self.partitions * D)
        return F.conv2d(gathered.permute(0, 3, 1, 2), self._kernel()) + self._shift(adjacency)

    def _kernel(self) -> Tensor:
        """Kernel of all partitions side by side: (D', K*D, 1, 1)."""
        return self.conv.weight.unflatten(0, (self.partitions, -1)).transpose(0, 1).flatten(1, 2)

    def _shift(self, adjacency: Tensor) -> Tensor:
        """Biases as far as they reach each joint: (D', 1, V)."""
        assert self.conv.bias is not None
        bias = self.conv.bias.unflatten(0, (self.partitions, -1))
        return (adjacency.sum(dim=1).T @ bias).T.unsqueeze(1)


class GraphBlock(nn.Module):
    """Graph convolution and temporal convolution, each normalised, added to what came in.

    Args:
        in_width: D.
        width: D'.
        partitions: K.
        joints: V.
        stride: frames per frame of the result.
        dropout: of what is added.
        is_first: whether it is the first block, which adds nothing back.
        edge_importance: whether the share of each edge is scaled by a learned factor.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        partitions: int,
        joints: int,
        *,
        stride: int = 1,
        dropout: float = 0.0,
        is_first: bool = False,
        edge_importance: bool = True,
    ) -> None:
        super().__init__()
        self.graph = GraphConv(in_width, width, partitions)
        self.edge_importance = nn.Parameter(torch.ones(partitions, joints, joints)) if edge_importance else None
        self.norm1 = nn.BatchNorm2d(width)
        self.temporal = nn.Conv2d(width, width, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0))
        self.norm2 = nn.BatchNorm2d(width)
        self.dropout = Dropout(dropout, inplace=True)
        self.residual = None if is_first else _residual(in_width, width, stride)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """(N, D, T, V) and (K, V, V) to (N, D', ceil(T / stride), V)."""
        weighted = adjacency if self.edge_importance is None else adjacency * self.edge_importance
        branch = F.relu(self.norm1(self.graph(x, weighted)), inplace=True)
        branch = self.dropout(self.norm2(self.temporal(branch)))
        return F.relu(branch if self.residual is None else branch + self.residual(x), inplace=True)


def _residual(in_width: int, width: int, stride: int) -> nn.Module:
    if in_width == width and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_width, width, kernel_size=1, stride=(stride, 1)), nn.BatchNorm2d(width))


def init_moco(module: nn.Module) -> None:
    """Weights as the contrastive methods start from them (spec-contrastive §4).

    Kernels of convolutions and linear layers are drawn from N(0, 0.02), weights of batch norms from N(1, 0.02),
    biases are 0. Edge importance is 1 from the start.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d) and layer.weight is not None:
            is_norm = not isinstance(layer, nn.Conv2d | nn.Linear)
            nn.init.normal_(layer.weight, mean=float(is_norm), std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
