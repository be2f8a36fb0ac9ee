"""Random clips of different lengths and bodies, with body-frames missing here and there."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from kineme.layout import Layout
from kineme.store import SkeletonStore

EXTENTS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 30)), min_size=1, max_size=6)
"""(bodies, frames) of every clip."""


def ragged_arrays(
    seed: int, extents: Sequence[tuple[int, int]], layout: str = "kinect20", channels: int = 3, absent: float = 0.2
) -> list[np.ndarray]:
    """One (M, T, V, C) float32 array per clip, NaN where absent; the first body is seen in the first frame."""
    rng = np.random.default_rng(seed)
    joints = Layout.get(layout).num_joints

    def clip(bodies: int, length: int) -> np.ndarray:
        xyz = rng.normal(size=(bodies, length, joints, channels)).astype(np.float32)
        hidden = rng.random((bodies, length)) < absent
        hidden[0, 0] = False
        xyz[hidden] = np.nan
        return xyz

    return [clip(*extent) for extent in extents]


def ragged_store(
    seed: int, extents: Sequence[tuple[int, int]], layout: str = "kinect20", channels: int = 3, absent: float = 0.2
) -> SkeletonStore:
    """Store of `ragged_arrays`."""
    return SkeletonStore.from_arrays(ragged_arrays(seed, extents, layout, channels, absent), layout)
