"""Whole clips at a fixed number of frames, against a plain loop over clips."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.store import SkeletonStore
from kineme.transforms import Augmentation, Canonical, Preparation, TrainViews, eval_pipeline, train_pipeline
from kineme.transforms.stride import Stride
from ragged import EXTENTS, ragged_store

PLAIN = Augmentation(rotation=(0, 0, 0))
STRIDE = Preparation(window=7, bodies=2, centre=False, resize="stride")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.integers(1, 12), st.integers(1, 3))
def test_stride_is_a_plain_loop(seed: int, extents: list[tuple[int, int]], window: int, bodies: int) -> None:
    """Long and short clips in one batch come out as they do one by one."""
    store = ragged_store(seed, extents)
    batch = Stride(window, bodies).apply(store.gather(range(len(store))), {})
    for i, (_, frames) in enumerate(extents):
        clip, step = store[i], max(frames // window, 1)
        kept = min(frames, window)
        xyz, present = np.zeros((bodies, window, 20, 3), np.float32), np.zeros((bodies, window), bool)
        for m in range(min(bodies, len(clip.xyz))):
            xyz[m, :kept] = clip.xyz[m, ::step][:window]
            present[m, :kept] = clip.present[m, ::step][:window]
        np.testing.assert_array_equal(batch.xyz[i].numpy(), xyz)
        np.testing.assert_array_equal(batch.present[i].numpy(), present)
        assert batch.length[i] == kept


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.integers(1, 12))
def test_striding_again_changes_nothing(seed: int, extents: list[tuple[int, int]], window: int) -> None:
    once = Stride(window, 3).apply((store := ragged_store(seed, extents)).gather(range(len(store))), {})
    hidden = np.where(once.present[..., None, None], once.xyz, np.nan)
    again = SkeletonStore.from_arrays(list(hidden), "kinect20")
    twice = Stride(window, 3).apply(again.gather(range(len(again))), {})
    assert torch.equal(twice.xyz, once.xyz)
    assert torch.equal(twice.present, once.present)


def test_padding_stays_zero_in_any_pose() -> None:
    clips = Canonical(yaw=True).apply(ragged_store(0, [(1, 3)], absent=0).gather([0]), {})
    batch = Stride(8, 1).apply(clips, {})
    torch.testing.assert_close(batch.xyz[:, :, :3], clips.pad().xyz)
    assert not batch.xyz[:, :, 3:].any()


def test_counted_frames_are_the_clip() -> None:
    clip = np.random.default_rng(0).normal(size=(20, 20, 3))
    clip[8:] = np.nan
    batch = Stride(4, 1, count_seen=True).apply(SkeletonStore.from_arrays([clip], "kinect20").gather([0]), {})
    np.testing.assert_array_equal(batch.xyz[0, 0].numpy(), clip[:8:2].astype(np.float32))


def test_training_and_evaluation_see_the_same_frames_whatever_is_kept() -> None:
    clips = ragged_store(3, [(2, 30), (1, 4), (1, 7)]).gather([0, 1, 2])
    expected = eval_pipeline(STRIDE)(clips, seeded(0))
    assert torch.equal(eval_pipeline(STRIDE.with_changes(test_keep=0.3))(clips, seeded(1)).xyz, expected.xyz)
    for keep in ((1.0, 1.0), (0.2, 0.5)):
        batch = train_pipeline(STRIDE, PLAIN.with_changes(keep=keep))(clips, seeded(2))
        assert torch.equal(batch.xyz, expected.xyz)
        assert torch.equal(batch.length, expected.length)


@pytest.mark.parametrize("changes", [{}, {"scale": "minmax"}, {"align": True, "scale": "minmax", "stream": "motion"}])
def test_evaluation_draws_nothing(changes: dict[str, object]) -> None:
    pipeline, generator = eval_pipeline(STRIDE.with_changes(**changes)), seeded(0)
    clips, state = ragged_store(3, [(2, 30), (1, 4)]).gather([0, 1]), generator.get_state()
    assert torch.equal(pipeline(clips, generator).xyz, pipeline(clips, seeded(1)).xyz)
    assert torch.equal(generator.get_state(), state)


def test_views_read_their_frames_once() -> None:
    views = TrainViews(STRIDE, [PLAIN, PLAIN.with_changes(shear=0.5)])
    assert views.shared is not None
    clips = ragged_store(3, [(2, 30), (1, 4)]).gather([0, 1])
    plain, sheared = views(clips, seeded(0))
    assert torch.equal(plain.xyz, eval_pipeline(STRIDE)(clips, seeded(0)).xyz)
    assert not torch.equal(plain.xyz, sheared.xyz)
