"""Coordinates as features: pose and place taken out, whatever the layout; and the known figure on real data."""

import numpy as np
import pytest
import torch

from conftest import load_npz, realdata_path
from fake import small_store
from kineme.evaluate.controls import coordinate_1nn, coordinate_features, coordinate_logreg, coordinate_scores
from kineme.evaluate.sides import labelled_sides
from kineme.layout import Layout
from kineme.splits import get_split
from kineme.store import SkeletonStore


def turned(xyz: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return xyz @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T


def test_place_and_facing_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    clip = rng.normal(size=(2, 30, 20, 3))
    store = SkeletonStore.from_arrays([clip, turned(clip, 1.0) + np.array([3.0, 0.5, -2.0])], "kinect20")
    first, second = coordinate_features(store, np.arange(2))
    assert first.shape == (2 * 50 * 20 * 3,)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


def test_an_absent_body_is_zero() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(1, 30, 20, 3)), rng.normal(size=(2, 12, 20, 3))
    store = SkeletonStore.from_arrays([one, two], "kinect20")
    bodies = coordinate_features(store, np.arange(2), frames=10).view(2, 2, 10, 20, 3)
    assert (bodies[0, 1] == 0).all()
    assert (bodies[1, 1] != 0).any()


def test_flat_poses_are_centred_only() -> None:
    layout = Layout.get("coco17")
    clip = np.random.default_rng(0).normal(size=(30, layout.num_joints, 2))
    store = SkeletonStore.from_arrays([clip, clip + np.array([5.0, 1.0])], layout)
    first, second = coordinate_features(store, np.arange(2), frames=8)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


def test_nearest_neighbour_finds_separable_motion() -> None:
    store = small_store(num_clips=36)
    labels = torch.from_numpy(store.labels.astype(np.int64))
    train, test = get_split(store, "nucla-xview")
    features = [coordinate_features(store, side) for side in (train, test)]
    assert torch.equal(coordinate_1nn(features[0], labels[train], features[1]), labels[test])


@pytest.mark.realdata
def test_nucla_cross_view() -> None:
    arrays = load_npz(realdata_path("nucla.npz"))
    store = SkeletonStore.from_arrays(
        np.split(arrays["data"], arrays["offsets"][1:-1]),
        "kinect20",
        labels=arrays["label"].tolist(),
        classes=arrays["classes"].tolist(),
        camera=arrays["view"].tolist(),
    )
    labels = torch.from_numpy(store.labels.astype(np.int64))
    train, test = get_split(store, "nucla-xview")
    features = [coordinate_features(store, side) for side in (train, test)]
    predictions = coordinate_1nn(features[0], labels[train], features[1])
    assert 100 * float((predictions == labels[test]).float().mean()) == pytest.approx(71.6, abs=2.5)


def test_logistic_regression_finds_a_direction_that_neighbours_do_not() -> None:
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.normal(size=(400, 60))).float()
    labels = torch.arange(400) % 2
    noise[:, 7] += 4.0 * labels
    train, queries = noise[:300], noise[300:]
    right = coordinate_logreg(train, labels[:300], queries) == labels[300:]
    assert right.double().mean() > 0.9
    few = coordinate_logreg(train[:5], labels[:5], queries)  # fewer clips than components
    assert few.shape == (100,)


def test_both_classifiers_are_scored_on_the_test_side() -> None:
    scores = coordinate_scores(labelled_sides(small_store(num_clips=36), "nucla-xview", seed=0))
    assert list(scores) == ["1-NN", "PCA-200 + logistic regression"]
    assert all(score.low < score.accuracy <= score.high for score in scores.values())
    assert scores["1-NN"].accuracy > 0.8
