import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets.people import People, steady_slots

POSE = np.random.default_rng(0).normal(size=(5, 2)) * 0.05


def people(
    rows: list[tuple[int, float, float, int]], length: int = 5, hidden: list[tuple[int, int]] | None = None
) -> People:
    """Rows of frame, place along x, confidence of every joint, and track."""
    frame, place, confidence, track = (np.array(column) for column in zip(*rows, strict=True))
    xyz = POSE + np.stack([place, np.zeros(len(rows))], axis=1)[:, None]
    confidences = np.repeat(confidence[:, None], len(POSE), axis=1)
    for row, joint in hidden or []:
        confidences[row, joint] = 0
    return People(length, frame, xyz, confidences, track)


def places(found: People, at_most: int = 2) -> list[list[float | None]]:
    """Where each body is in each frame; None where it is absent."""
    xyz, _, present = found.bodies(at_most)
    x = (xyz - POSE).mean(axis=(2, 3)) * 2
    return [[round(float(x[m, t]), 3) if present[m, t] else None for t in range(x.shape[1])] for m in range(len(x))]


def test_nearness_keeps_people_in_their_slots() -> None:
    rows = [(0, 0.0, 0.9, -1), (0, 1.0, 0.8, -1), (1, 0.9, 0.9, -1), (1, 0.1, 0.8, -1), (2, 0.8, 0.5, -1)]
    assert places(people([*rows, (4, 0.2, 0.5, -1), (4, 0.7, 0.6, -1)])) == [
        [0.0, 0.1, None, None, 0.2],
        [1.0, 0.9, 0.8, None, 0.7],
    ]


def test_tracks_are_believed_over_nearness() -> None:
    assert places(people([(0, 0.0, 1, 7), (0, 1.0, 1, 3), (1, 0.0, 1, 3), (1, 1.0, 1, 7)], 2)) == [[0, 1], [1, 0]]


def test_new_track_prefers_a_free_slot() -> None:
    assert places(people([(0, 0.0, 1, 1), (1, 0.0, 1, 2), (2, 0.3, 1, 1)], 3)) == [[0, None, 0.3], [None, 0, None]]


def test_surest_people_are_kept() -> None:
    rows = [(0, 0.0, 0.2, -1), (0, 1.0, 0.9, -1), (0, 2.0, 0.5, -1)]
    assert places(people(rows, 1)) == [[1], [2]]
    assert places(people(rows, 1), at_most=1) == [[1]]


def test_tracks_are_as_sure_as_all_they_found() -> None:
    rows = [(t, 0.0, 0.3, 1) for t in range(4)] + [(2, 1.0, 0.9, 2)]
    rows.sort(key=lambda row: row[0])
    assert places(people(rows), at_most=1) == [[0, 0, 0, 0, None]]


def test_joints_that_were_not_found_are_zero_and_nobody_without_joints() -> None:
    hidden = [(0, 2), *[(1, joint) for joint in range(5)]]
    xyz, confidence, present = people([(0, 1.0, 2.0, -1), (1, 1.0, 1.0, -1)], 2, hidden).bodies(2)
    assert present.tolist() == [[True, False]]
    assert not xyz[0, 0, 2].any()
    assert confidence[0, 0].tolist() == [1, 1, 0, 1, 1]


def test_score_counts_where_there_is_one() -> None:
    found = people([(0, 0.0, 0.2, -1), (0, 1.0, 0.9, -1)], 1)
    scored = People(1, found.frame, found.xyz, found.confidence, found.track, np.array([0.9, 0.1]))
    assert places(scored, at_most=1) == [[0]]


def test_nobody_is_one_absent_body() -> None:
    found = People(3, np.zeros(0, int), np.zeros((0, 5, 2)), np.zeros((0, 5)), np.zeros(0, int))
    xyz, _, present = found.bodies(2)
    assert xyz.shape == (1, 3, 5, 2)
    assert not present.any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.integers(-1, 2), st.integers(0, 99))
def test_nobody_shares_a_slot(counts: list[int], highest_track: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(len(counts)), counts)
    found = rng.random((len(frame), 5)) > 0.3
    track = rng.integers(-1, highest_track + 1, len(frame))
    slots = steady_slots(frame, rng.normal(size=(len(frame), 5, 3)), found, track, 3)
    assert slots.min() >= 0
    assert slots.max() < 3
    assert len({*zip(frame.tolist(), slots.tolist(), strict=True)}) == len(frame)
