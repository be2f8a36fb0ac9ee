"""Joint density of the released form by matrix products, against the formula written out.

    python -m benchmarks.density

F frames of V joints with C channels, as STJD-MP projects them; one thread, processor time, medians.
"""

import math

import torch
from torch import Tensor

from benchmarks.timing import medians
from kineme.nn.density import RELEASE, joint_density

F, V, C = 1920, 25, 16


def direct(x: Tensor, bandwidth: Tensor) -> Tensor:
    """Every pair of joints and every channel: (F, V, C) and (V, C) give (F, V)."""
    difference = (x[:, :, None] - x[:, None]) / bandwidth
    kernel = (-0.5 * difference.square()).exp() / (math.sqrt(2 * math.pi) * bandwidth[:, None])
    return kernel.prod(dim=-1).sum(dim=-1)


def main() -> None:
    """Check that both agree, then time them."""
    torch.set_num_threads(1)
    x = torch.randn(F, V, C, generator=torch.Generator().manual_seed(0))
    bandwidth = torch.ones(V, C)
    ours = joint_density(x, bandwidth, RELEASE)
    torch.testing.assert_close(ours, direct(x, bandwidth), rtol=1e-4, atol=1e-12)
    fast, slow = medians(lambda: joint_density(x, bandwidth, RELEASE), lambda: direct(x, bandwidth))
    print(f"{F} frames: {1000 * fast:.1f} ms, written out {1000 * slow:.1f} ms, ratio {slow / fast:.1f}")


if __name__ == "__main__":
    main()
