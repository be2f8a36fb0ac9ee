"""Dropout that does not wait for its random numbers."""

import torch
from torch import Tensor, nn

_LEVELS = 256  # rates that a byte can decide


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` that decides by one random byte per element where it runs on the CPU.

    There torch draws a whole random number for each, one after another, which takes an eighth of a step of ST-GCN. A
    byte decides as exactly where the rate is a multiple of 1/256, as one half is; other rates are left to torch.

    Args:
        p: probability of dropping an element.
        inplace: whether the input is overwritten.
    """

    def forward(self, input: Tensor) -> Tensor:
        drops = self.p * _LEVELS
        is_exact = 0 < drops < _LEVELS and drops % 1 == 0
        if not self.training or input.device.type != "cpu" or not is_exact:
            return super().forward(input)
        scale = (_random_bytes(input) >= int(drops)).to(input.dtype).div_(1 - self.p)
        return input.mul_(scale) if self.inplace else input * scale


def _random_bytes(like: Tensor) -> Tensor:
    """Random uint8 of any value, one per element, in the same order in memory where that has no gaps."""
    strides = torch.empty_like(like, device="meta").stride()
    words = torch.empty(like.numel() // 8 + 1, dtype=torch.int64, device=like.device).random_(-(2**63), None)
    return words.view(torch.uint8)[: like.numel()].as_strided(like.shape, strides)
