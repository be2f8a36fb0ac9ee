"""Windows of long clips: every frame once, as preparation of UESTC cuts them, and each a clip by itself."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets.uestc import _windows
from kineme.evaluate.windows import Windows, cut
from ragged import EXTENTS, ragged_store

CLIPS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 200)), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(clips=CLIPS)
def test_windows_are_those_of_the_dataset(clips: list[tuple[int, int]]) -> None:
    length, window = np.array(clips).T
    windows = Windows.consecutive(length, window)
    for i, (frames, wanted) in enumerate(clips):
        parts = _windows(np.arange(frames), wanted)
        own = windows.clip == i
        assert windows.frames[own].tolist() == [len(part) for _, part in parts]
        assert windows.first[own].tolist() == [int(part[0]) for _, part in parts]


@settings(max_examples=25, deadline=None)
@given(extents=EXTENTS, wanted=st.integers(1, 12))
def test_a_window_is_a_clip_by_itself(extents: list[tuple[int, int]], wanted: int) -> None:
    store = ragged_store(0, extents)
    length = store.clips["length"].astype(np.int64)
    windows = Windows.consecutive(length, np.full_like(length, wanted))
    parts = cut(store.gather(windows.clip), torch.from_numpy(windows.first), torch.from_numpy(windows.frames))
    dense = parts.pad()
    for i, (clip, first, frames) in enumerate(zip(windows.clip, windows.first, windows.frames, strict=True)):
        whole = store[int(clip)]
        bodies, part = len(whole.xyz), slice(first, first + frames)
        np.testing.assert_array_equal(dense.xyz[i, :bodies, :frames], whole.xyz[:, part])
        np.testing.assert_array_equal(dense.present[i, :bodies, :frames], whole.present[:, part])
        assert not dense.present[i, bodies:].any()
        assert not dense.present[i, :, frames:].any()
