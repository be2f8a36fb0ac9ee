"""Classifiers on an encoder's features (spec-masked §4)."""

from torch import Tensor, nn
from torch.nn import functional as F

from kineme.nn.transformer import init_linear


def pooled(features: Tensor) -> Tensor:
    """Mean over bodies, slots and joints, absent bodies included, as published: (B, M, S, V, D) to (B, D)."""
    return features.mean(dim=(1, 2, 3))


class LinearHead(nn.Module):
    """Batch norm without affine, then one linear layer: (B, D) to (B, K).

    Args:
        width: D.
        num_classes: K.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width, eps=1e-6, momentum=0.1, affine=False)
        self.linear = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.norm(features))


class JointHead(nn.Module):
    """What fine-tuning puts on the masked family's encoders: joints side by side, two linear layers.

    Args:
        joints: V.
        width: D.
        hidden: width between the layers.
        num_classes: K.
        dropout: of the features, before they are pooled.
    """

    def __init__(self, joints: int, width: int, hidden: int, num_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(joints * width, hidden)
        self.bn = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        init_linear(self)

    def pool(self, features: Tensor) -> Tensor:
        """Mean over slots and bodies, absent ones included, joints side by side: (B, M, S, V, D) to (B, V*D)."""
        return self.dropout(features).mean(dim=2).flatten(2).mean(dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K) of features (B, M, S, V, D)."""
        return self.fc2(F.relu(self.bn(self.fc1(self.pool(features)))))


class PooledLinearHead(LinearHead):
    """`LinearHead` on the mean over bodies, slots and joints: (B, M, S, V, D) to (B, K)."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(pooled(features))


class PlainHead(nn.Module):
    """What the contrastive family puts on ST-GCN: one linear layer on the mean (spec-contrastive §3, §11).

    Args:
        width: D.
        num_classes: K.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, num_classes)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K) of features (B, M, S, V, D), by their mean over bodies, slots and joints."""
        return self.linear(pooled(features))
