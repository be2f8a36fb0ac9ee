"""Random numbers that belong to a clip: the same whatever batch it comes in, and on every device."""

import math
from collections.abc import Sequence
from zlib import crc32

import torch
from torch import Tensor


def clip_uniform(index: Tensor, shape: Sequence[int], key: str) -> Tensor:
    """U(0, 1), 1 left out: number i of a clip is a hash of the key, the clip's position and i.

    Args:
        index: (B,) int64 positions of the clips in their store.
        shape: of one clip's numbers.
        key: what they are for, and the seed; other keys give other numbers.

    Returns:
        (B, *shape) float32, multiples of 2^-24.
    """
    counter = torch.arange(math.prod(shape), device=index.device)
    clip = _mixed(index + crc32(key.encode()))
    bits = _mixed(clip[:, None] + _mixed(counter))
    return ((bits >> 8).float() / 2**24).view(len(index), *shape)


def clip_normal(index: Tensor, shape: Sequence[int], key: str) -> Tensor:
    """N(0, 1) by Box and Muller's rule; arguments and shape as those of `clip_uniform`."""
    radius, angle = clip_uniform(index, (2, *shape), key).unbind(dim=1)
    return (-2 * torch.log1p(-radius)).sqrt() * (2 * math.pi * angle).cos()


def _mixed(number: Tensor) -> Tensor:
    """Hash of the low 32 bits of int64 numbers, into 32 bits (C. Wellons, "lowbias32", public domain)."""
    low = 0xFFFFFFFF
    number = number & low
    number = ((number ^ (number >> 16)) * 0x7FEB352D) & low
    number = ((number ^ (number >> 15)) * 0x846CA68B) & low
    return number ^ (number >> 16)
