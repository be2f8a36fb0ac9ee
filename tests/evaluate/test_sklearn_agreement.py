"""Protocols and figures agree with scikit-learn's on the same features; retrieval's do in `test_protocols.py`."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from kineme.evaluate.calibration import BINS, expected_calibration_error
from kineme.evaluate.config import NeighbourConfig
from kineme.evaluate.controls import coordinate_1nn
from kineme.evaluate.protocols import Settings, Task
from kineme.evaluate.protocols.knn import NearestNeighbours
from kineme.evaluate.protocols.logreg import STRENGTHS, LogisticProbe
from kineme.evaluate.select import Selection, confusion, score

NEIGHBOURS = NeighbourConfig(neighbours=(1, 5, 20), default=5)
SEEDS = given(seed=st.integers(0, 10_000))


def votes(distance: np.ndarray) -> np.ndarray:
    """Cosine distance is 1 minus similarity, so that this is exp(similarity / temperature), up to a factor."""
    return np.exp(-distance / NEIGHBOURS.temperature)


def overlapping(seed: int, *, standardise: bool = False) -> Task:
    """Classes that no classifier tells apart completely, in dimensions of unlike scale."""
    generator = torch.Generator().manual_seed(seed)
    centres, scale = torch.randn(4, 12, generator=generator), torch.logspace(-1, 1, 12)
    labels, wanted = (torch.randint(4, (clips,), generator=generator) for clips in (120, 50))
    train, queries = (scale * (centres[k] + torch.randn(len(k), 12, generator=generator)) for k in (labels, wanted))
    return Task(train[None].double(), labels, queries.double(), 4, Settings(knn=NEIGHBOURS, standardise=standardise))


@settings(max_examples=10, deadline=None)
@SEEDS
@pytest.mark.parametrize("standardise", [False, True])
def test_neighbours(standardise: bool, seed: int) -> None:
    task = overlapping(seed, standardise=standardise)
    train, queries = task.train.numpy(), task.queries.numpy()
    if standardise:
        scaler = StandardScaler().fit(train)
        train, queries = scaler.transform(train), scaler.transform(queries)
    found = NearestNeighbours().candidates(task)
    for k, predictions in zip(NEIGHBOURS.neighbours, found.predictions, strict=True):
        model = KNeighborsClassifier(k, metric="cosine", weights=cast("Any", votes)).fit(train, task.labels.numpy())
        np.testing.assert_array_equal(predictions.numpy(), model.predict(queries))
        if k == NEIGHBOURS.default:
            assert found.scores is not None
            np.testing.assert_allclose(found.scores.numpy(), model.predict_proba(queries), atol=1e-9)


def test_nearest_in_coordinates() -> None:
    task = overlapping(0)
    model = KNeighborsClassifier(1).fit(task.train.numpy(), task.labels.numpy())
    found = coordinate_1nn(task.train, task.labels, task.queries)
    np.testing.assert_array_equal(found.numpy(), model.predict(task.queries.numpy()))


def test_logistic_regression() -> None:
    """Fits that start afresh and are followed to the end, where ours start from their neighbour and stop earlier."""
    task = overlapping(1)
    scaler = StandardScaler().fit(task.train.numpy())
    train, queries = (scaler.transform(features.numpy()) for features in (task.train, task.queries))
    found = LogisticProbe().candidates(task)
    for strength, predictions in zip(STRENGTHS, found.predictions, strict=True):
        model = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000).fit(train, task.labels.numpy())
        assert (predictions.numpy() == model.predict(queries)).mean() >= 0.98
        if strength == STRENGTHS[found.default]:
            assert found.scores is not None
            np.testing.assert_allclose(found.scores.exp().numpy(), model.predict_proba(queries), atol=0.03)


@settings(max_examples=10, deadline=None)
@SEEDS
def test_accuracy_confusion_and_accuracy_of_classes(seed: int) -> None:
    task = overlapping(seed)
    wanted = torch.from_numpy(np.random.default_rng(seed).integers(4, size=len(task.queries)))
    candidates = NearestNeighbours().candidates(task)
    scores = score(Selection(candidates, None), wanted, 4)
    predictions = candidates.predictions[candidates.default].numpy()
    assert scores.last.accuracy == accuracy_score(wanted.numpy(), predictions)
    expected = confusion_matrix(wanted.numpy(), predictions, labels=range(4))
    np.testing.assert_array_equal(scores.confusion, expected)
    assert confusion(wanted, torch.from_numpy(predictions), 4) == scores.confusion
    right, clips = expected.diagonal(), expected.sum(axis=1)
    assert scores.per_class == tuple(float(r / n) if n else None for r, n in zip(right, clips, strict=True))


@settings(max_examples=10, deadline=None)
@SEEDS
def test_calibration(seed: int) -> None:
    """scikit-learn has the bins of ECE, not the mean over them."""
    generator = torch.Generator().manual_seed(seed)
    values = 3 * torch.randn(200, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (200,), generator=generator)
    confidence, predictions = values.softmax(dim=1).max(dim=1)
    right = (predictions == labels).numpy()
    shares, means = calibration_curve(right, confidence.numpy(), n_bins=BINS)
    counts = np.histogram(confidence.numpy(), np.linspace(0, 1, BINS + 1))[0]
    expected = np.abs(shares - means) @ counts[counts > 0] / len(labels)
    assert expected_calibration_error(values, labels) == pytest.approx(expected)
