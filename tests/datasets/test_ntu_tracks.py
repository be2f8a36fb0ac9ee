from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets.base import SourceWarning
from kineme.datasets.ntu_format import parse_skeleton
from kineme.datasets.ntu_tracks import tracked_bodies
from kineme.errors import SourceError
from skeleton_text import skeleton_text, tracks_text, walker

Track = tuple[Sequence[int], np.ndarray]


def people(text: str) -> tuple[np.ndarray, np.ndarray]:
    return tracked_bodies(parse_skeleton(Path("a.skeleton"), text.encode(), 25))


def track(frames: Sequence[int], seed: int, step: float = 0.01) -> Track:
    return frames, walker(len(frames), seed, step)


def test_one_who_returns_keeps_the_real_frames() -> None:
    seen = [2, 3, 4, 8, 9]
    xyz, present = people(tracks_text(12, [(seen, walker(5))]))
    assert present[0].tolist() == [True, True, True, False, False, False, True, True]
    np.testing.assert_allclose(xyz[0, present[0]], walker(5), rtol=1e-6)
    assert not xyz[0, ~present[0]].any()


def test_ids_that_follow_one_another_are_one_person() -> None:
    _, present = people(tracks_text(40, [track(range(20), 0), track(range(20, 40), 1)]))
    assert present.shape == (1, 40)
    assert present.all()


def test_hand_over_in_one_shared_frame_goes_to_the_one_who_moves_more() -> None:
    calm, lively = track(range(20), 0), track(range(19, 40), 1, step=0.1)
    xyz, present = people(tracks_text(40, [calm, lively]))
    assert present.shape == (1, 40)
    np.testing.assert_allclose(xyz[0, 19], lively[1][0], rtol=1e-6)


def test_two_people_share_the_time_and_the_livelier_comes_first() -> None:
    _, present = people(tracks_text(40, [track(range(40), 0), track(range(10, 40), 1, step=0.1)]))
    assert present.sum(axis=1).tolist() == [30, 40]


def test_second_slot_takes_an_earlier_body() -> None:
    # The reference refuses it: there the second slot's span starts at frame 0.
    tracks = [track(range(60), 0, step=0.1), track(range(30, 60), 1, step=0.05), track(range(15), 2)]
    _, present = people(tracks_text(60, tracks))
    assert present.sum(axis=1).tolist() == [60, 45]


def test_third_person_at_the_same_time_is_dropped() -> None:
    _, present = people(tracks_text(20, [track(range(20), seed) for seed in range(3)]))
    assert len(present) == 2


def test_short_ghosts_go_and_the_longest_stays() -> None:
    _, present = people(tracks_text(30, [track(range(11), 0), track(range(12), 1)]))
    assert present.sum(axis=1).tolist() == [12]
    _, present = people(tracks_text(30, [track(range(5), 0), track(range(3, 11), 1)]))
    assert present.sum(axis=1).tolist() == [8]


def test_furniture_goes_unless_nothing_else_is_there() -> None:
    lying = walker(20, 1)[..., [1, 0, 2]]
    xyz, _ = people(tracks_text(20, [track(range(20), 0), (range(20), lying)]))
    np.testing.assert_allclose(xyz, walker(20)[None], rtol=1e-6)
    xyz, _ = people(tracks_text(20, [(range(20), lying)]))
    np.testing.assert_allclose(xyz, lying[None], rtol=1e-6)
    xyz, _ = people(tracks_text(20, [(range(15), lying[:15]), (range(20), lying)]))
    np.testing.assert_allclose(xyz, lying[None], rtol=1e-6)


def test_body_of_zeros_was_not_observed() -> None:
    body = walker(6)
    body[[0, 3]] = 0
    _, present = people(tracks_text(6, [(range(6), body)]))
    assert present[0].tolist() == [True, True, False, True, True]
    with pytest.raises(SourceError, match="every coordinate of every body is zero"):
        people(tracks_text(6, [(range(6), body * 0)]))


def test_doubled_id_counts_once_and_is_noted() -> None:
    first, second = walker(2)
    with pytest.warns(SourceWarning, match="body id 7 occurs twice in a frame"):
        xyz, _ = people(skeleton_text([[("7", first), ("7", second)]]))
    np.testing.assert_allclose(xyz[0], first[None], rtol=1e-6)


spans = st.tuples(st.integers(0, 30), st.integers(1, 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(spans, min_size=1, max_size=5))
def test_every_kept_frame_is_an_observation_at_its_time(tracks: list[tuple[int, int]]) -> None:
    recorded = [track(range(start, start + length), seed) for seed, (start, length) in enumerate(tracks)]
    recording = parse_skeleton(Path("a.skeleton"), tracks_text(70, recorded).encode(), 25)
    xyz, present = tracked_bodies(recording)
    assert 1 <= len(xyz) <= 2
    assert present[:, [0, -1]].any(axis=0).all()
    offsets = [
        offset
        for offset in range(70 - present.shape[1] + 1)
        if all(
            (recording.xyz[recording.frame == frame + offset] == xyz[body, frame]).all(axis=(1, 2)).any()
            for body, frame in np.argwhere(present)
        )
    ]
    assert len(offsets) == 1
