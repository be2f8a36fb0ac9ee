"""The forms a clip takes: addresses, dense batches, poses."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clips import Pose, rotate
from ragged import EXTENTS, ragged_store


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), EXTENTS, st.integers(1, 4))
def test_pad_gives_the_clips_back(seed: int, extents: list[tuple[int, int]], max_bodies: int) -> None:
    store = ragged_store(seed, extents)
    order = list(reversed(range(len(store))))
    batch = store.gather(order).pad(max_bodies)
    assert batch.xyz.shape[:3] == (len(store), max_bodies, max(frames for _, frames in extents))
    for row, i in enumerate(order):
        clip = store[i]
        bodies, length = min(max_bodies, len(clip.present)), clip.present.shape[1]
        np.testing.assert_array_equal(batch.xyz[row, :bodies, :length], clip.xyz[:bodies])
        np.testing.assert_array_equal(batch.present[row, :bodies, :length], clip.present[:bodies])
        assert not batch.present[row, bodies:].any()
        assert not batch.present[row, :, length:].any()
        assert batch.length[row] == length
    assert not batch.xyz[~batch.present].any()


def test_pad_makes_room_for_the_most_bodies() -> None:
    assert ragged_store(0, [(1, 3), (3, 2)]).gather([0, 1]).pad().xyz.shape[1] == 3


def test_gather_copies_no_coordinates() -> None:
    store = ragged_store(0, [(2, 5), (1, 3), (1, 4)])
    clips = store.gather([2, 0])
    assert clips.xyz.data_ptr() == store.gather([1]).xyz.data_ptr()
    assert (clips.start.tolist(), clips.length.tolist(), clips.bodies.tolist()) == ([13, 0], [4, 5], [1, 2])
    assert len(clips) == 2


def test_pose_leaves_the_absent_at_zero() -> None:
    xyz = torch.rand(2, 1, 3, 4, 3)
    seen = torch.tensor([[[1.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]]])
    xyz = xyz * seen[..., None, None]
    offset, rotation = torch.rand(2, 3), torch.linalg.qr(torch.rand(2, 3, 3)).Q
    moved = Pose(offset, rotation).apply(xyz, seen)
    assert not moved[seen == 0].any()
    torch.testing.assert_close(moved[0, 0, 0], (xyz[0, 0, 0] - offset[0]) @ rotation[0].T)


def test_rotate_takes_any_axes_between() -> None:
    rotation = torch.linalg.qr(torch.rand(2, 3, 3)).Q
    xyz = torch.rand(2, 5, 7, 3)
    torch.testing.assert_close(rotate(xyz, rotation), torch.einsum("bij,btvj->btvi", rotation, xyz))
    torch.testing.assert_close(rotate(xyz[:, 0, 0], rotation), torch.einsum("bij,bj->bi", rotation, xyz[:, 0, 0]))
    four = xyz[:, :4]
    torch.testing.assert_close(rotate(four, rotation), rotate(xyz, rotation)[:, :4])


def test_rotate_in_the_plane() -> None:
    quarter = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
    assert rotate(torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]), quarter).tolist() == [[[0, 1], [-2, 0]]]
