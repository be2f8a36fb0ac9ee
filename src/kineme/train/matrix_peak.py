"""How fast a device multiplies matrices: what the speed of a training is compared with."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from kineme.nn.matmul import onednn, onednn_is_exact

_LARGEST, _ENOUGH_SECONDS, _ROUNDS = 16384, 0.02, 5


@torch.no_grad()
def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations per second of the fastest square matrix product.

    Sizes double until a product takes long enough to measure, the best of a few rounds counts. In float32 on the CPU
    by whichever of the two ways is faster that `kineme.nn.matmul` knows.

    Args:
        device: on which.
        dtype: in which numbers.
    """
    ways: list[Callable[[], AbstractContextManager[None]]] = [nullcontext]
    if device.type == "cpu" and dtype == torch.float32 and onednn_is_exact():
        ways.append(onednn)
    best, size, seconds = 0.0, 256, 0.0
    while seconds < _ENOUGH_SECONDS and size < _LARGEST:
        size *= 2
        a = torch.ones(size, size, device=device, dtype=dtype)
        for way in ways:
            with way():
                seconds = min(_seconds(a) for _ in range(_ROUNDS))
            best = max(best, 2 * size**3 / seconds)
    return best


def _seconds(a: torch.Tensor) -> float:
    """Of one product; asking for a number of the result waits for the device."""
    began = time.perf_counter()
    (a @ a)[0, 0].item()
    return time.perf_counter() - began
