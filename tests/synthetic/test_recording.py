"""Recordings: determinism, what a Kinect sees, and the store made of them."""

import numpy as np
import pytest

from kineme.errors import ConfigError
from kineme.store import SkeletonStore
from kineme.synthetic import SYNTHETIC_CLASSES, Take, generate_clip, synthetic_store
from kineme.synthetic.body import LAYOUT
from kineme.synthetic.motions import MOTIONS
from kineme.synthetic.recording import Recording, plan_takes, record

_INFERRED, _TRACKED = 1, 2


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return [record(take, seed=5) for take in plan_takes(num_subjects=3, clips_per=4)]


@pytest.fixture(scope="module")
def store() -> SkeletonStore:
    return synthetic_store(num_subjects=2, clips_per=2, seed=1)


def test_same_seed_same_recording() -> None:
    take = Take(label=SYNTHETIC_CLASSES.index("push"), subject=2, camera=3, replication=2)
    first, again, other = record(take, seed=4), record(take, seed=4), record(take, seed=5)
    np.testing.assert_array_equal(first.clip.xyz, again.clip.xyz)
    np.testing.assert_array_equal(first.state, again.state)
    np.testing.assert_array_equal(first.body_ids, again.body_ids)
    assert first.clip.xyz.shape != other.clip.xyz.shape or (first.clip.xyz != other.clip.xyz).any()


def test_cameras_see_one_performance() -> None:
    views = [generate_clip(Take(label=0, subject=1, camera=camera)) for camera in (1, 2, 3)]
    spread = [np.linalg.norm(view.xyz[0, 0] - view.xyz[0, 0].mean(axis=0), axis=-1) for view in views]
    assert len({view.xyz.shape for view in views}) == 1
    assert np.abs(views[0].xyz - views[1].xyz).max() > 0.1
    np.testing.assert_allclose(spread[0], spread[1], atol=0.15)


def test_bodies_stand_before_the_camera(recordings: list[Recording]) -> None:
    for recording in recordings:
        clip = recording.clip
        seen = clip.xyz[clip.present]
        assert np.isfinite(seen).all()
        assert not clip.xyz[~clip.present].any()
        assert (seen[:, LAYOUT.root, 2] > 1.8).all()
        assert (seen[:, LAYOUT.root, 2] < 4.2).all()
        assert np.median(seen[:, LAYOUT.index("left_foot"), 1]) < -0.5
        upright = seen[:, LAYOUT.index("head"), 1] > seen[:, LAYOUT.index("left_foot"), 1]
        assert upright.all()
        assert len(clip.xyz) == (2 if MOTIONS[SYNTHETIC_CLASSES[clip.label or 0]].partner else 1)


def test_replications_face_different_cameras() -> None:
    def facing(camera: int, replication: int) -> float:
        """Mean share of the hip line that lies across the image; negative when seen from behind."""
        takes = [Take(label=7, subject=s, camera=camera, replication=replication) for s in range(1, 6)]
        hips = [generate_clip(take).xyz[0, :, LAYOUT.indices(LAYOUT.across)].mean(axis=1) for take in takes]
        lines = [(right - left) / np.linalg.norm(right - left) for left, right in hips]
        return float(np.mean([line[0] for line in lines]))

    assert facing(camera=2, replication=1) > 0.85 > facing(camera=3, replication=1)
    assert facing(camera=3, replication=2) > 0.85 > facing(camera=2, replication=2)


def test_sensor_noise_is_small_and_lost_joints_are_marked(recordings: list[Recording]) -> None:
    states = np.concatenate([recording.state.ravel() for recording in recordings])
    assert set(states.tolist()) == {_INFERRED, _TRACKED}
    assert 0.7 < (states == _TRACKED).mean() < 0.99
    joint, parent = LAYOUT.index("right_knee"), LAYOUT.index("right_hip")
    for recording in recordings:
        ok = recording.clip.present & (recording.state[..., [joint, parent]] == _TRACKED).all(axis=-1)
        bone = np.linalg.norm((recording.clip.xyz[..., joint, :] - recording.clip.xyz[..., parent, :])[ok], axis=-1)
        assert bone.std() < 0.03


def test_ids_have_17_digits_and_sometimes_change(recordings: list[Recording]) -> None:
    ids = [np.unique(recording.body_ids) for recording in recordings]
    assert all(len(str(body_id)) == 17 for some in ids for body_id in some.tolist())
    surplus = [len(some) - len(r.body_ids) for some, r in zip(ids, recordings, strict=True)]
    assert set(surplus) == {0, 1}
    assert any(not r.clip.present.all() for r in recordings)


def test_store_has_every_class_and_subject(store: SkeletonStore) -> None:
    assert store.classes == SYNTHETIC_CLASSES
    assert np.unique(store.labels).tolist() == list(range(len(SYNTHETIC_CLASSES)))
    assert np.unique(store.clips["subject"]).tolist() == [1, 2]
    assert len(store) == 2 * 2 * len(SYNTHETIC_CLASSES)
    assert store.max_bodies == 2


def test_takes_have_unique_names_beyond_one_setup() -> None:
    names = [take.name for take in plan_takes(num_subjects=3, clips_per=13)]
    assert len(set(names)) == len(names) == 3 * 13 * len(SYNTHETIC_CLASSES)
    assert names[0] == "S001C001P001R001A001"


@pytest.mark.parametrize("field", ["label", "camera", "replication"])
def test_unknown_numbers_are_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=f"{field} must be one of .*, found 99"):
        Take(**{"label": 0, "subject": 1, field: 99})
