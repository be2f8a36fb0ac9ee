"""ADGA, adaptive dominant-guided attenuation: tokens become fewer, the locally dominant ones stay (spec-agrnet §4.4).

A re-implementation from the published description. The driver imports Informer's distilling layer by name (Zhou et
al., AAAI 2021), and its sequence lengths are those of a pooling stride of 2; that the attenuation factor is this stride
is our reading.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def distilled_length(length: int, attenuation: int) -> int:
    """Tokens that remain of so many."""
    return (length - 1) // attenuation + 1


class Distilling(nn.Module):
    """Circular convolution, batch norm, ELU and max-pooling along tokens: (B, L, D) to (B, L', D).

    Args:
        width: D.
        attenuation: stride of the pooling; L' = ceil(L / attenuation).
        gate: add the result, times a learned factor, to the pooled tokens themselves. Our reading of "embedded into the
            globally dominant features"; not in the driver.
    """

    def __init__(self, width: int, attenuation: int = 2, *, gate: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel_size=3, padding=1, padding_mode="circular")
        self.norm = nn.BatchNorm1d(width)
        self.pool = nn.MaxPool1d(kernel_size=3, stride=attenuation, padding=1)
        self.gate = nn.Parameter(torch.ones(())) if gate else None

    def forward(self, tokens: Tensor) -> Tensor:
        x = tokens.mT
        local = self.pool(F.elu(self.norm(self.conv(x))))
        if self.gate is not None:
            local = self.pool(x) + self.gate * local
        return local.mT
