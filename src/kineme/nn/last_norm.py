"""Batch norm of maps that have their features last."""

from torch import Tensor, nn


class LastNorm(nn.BatchNorm1d):
    """Batch norm of the last axis, statistics over all others: (..., D) to (..., D)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.reshape(-1, input.shape[-1])).view(input.shape)
