"""Partners of clips: of the same class always, from another camera wherever one saw it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fake import small_store
from kineme.store import SkeletonStore
from kineme.train.partners import Partners

STORE = small_store(num_clips=36)


def store_of(**meta: list[int]) -> SkeletonStore:
    rows, clips = STORE.gather([]), STORE.clips.copy()[: len(meta["label"])]
    for name, values in meta.items():
        clips[name] = values
    return SkeletonStore(rows.xyz, rows.present, clips, layout=STORE.layout, classes=STORE.classes)


def ever_drawn(store: SkeletonStore, index: np.ndarray, clip: int) -> set[int]:
    partners, rng = Partners(store, index), np.random.default_rng(0)
    return set(partners.draw(np.full(200, clip), rng).tolist())


def test_the_same_recording_by_other_cameras_comes_first() -> None:
    store = store_of(
        label=[0, 0, 0, 0, 1], subject=[1, 1, 1, 2, 1], replication=[0, 0, 0, 0, 0], camera=[1, 2, 3, 2, 2]
    )
    assert ever_drawn(store, np.arange(5), 0) == {1, 2}
    assert ever_drawn(store, np.array([0, 1, 3, 4]), 0) == {1}  # training clips only


def test_then_the_same_performer_then_anybody_then_any_clip_of_the_class() -> None:
    store = store_of(
        label=[0, 0, 0, 1, 1, 2], subject=[1, 1, 2, 1, 2, 1], replication=[0, 1, 0, 0, 0, 0], camera=[1, 2, 2, 1, 1, 1]
    )
    assert ever_drawn(store, np.arange(6), 0) == {1}  # their other recording
    assert ever_drawn(store, np.arange(6), 2) == {0}  # somebody from another camera
    assert ever_drawn(store, np.arange(6), 3) == {3, 4}  # one camera only
    assert ever_drawn(store, np.arange(6), 5) == {5}


@given(st.integers(0, 10**6), st.data())
@settings(max_examples=40, deadline=None)
def test_partners_are_what_a_search_by_hand_finds(seed: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    rng = np.random.default_rng(seed)
    meta = {name: rng.integers(3, size=size).tolist() for name in ("label", "subject", "camera", "replication")}
    store = store_of(**meta)
    drawn = Partners(store, np.arange(size)).draw(np.arange(size), rng)
    assert all(other in by_hand(store.clips, clip) for clip, other in enumerate(drawn.tolist()))


def by_hand(clips: np.ndarray, clip: int) -> set[int]:
    same = {name: clips[name] == clips[name][clip] for name in ("label", "subject", "replication", "camera")}
    levels = (
        same["label"] & same["subject"] & same["replication"] & ~same["camera"],
        same["label"] & same["subject"] & ~same["camera"],
        same["label"] & ~same["camera"],
        same["label"],
    )
    return next(set(np.flatnonzero(level).tolist()) for level in levels if level.any())


def test_draws_follow_the_generator() -> None:
    partners, clips = Partners(STORE, np.arange(36)), np.arange(36)
    first, again, other = (partners.draw(clips, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
