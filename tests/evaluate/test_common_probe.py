"""The common probe: scikit-learn's optimum, at any width and scale of features."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kineme.evaluate.calibration import NAME, calibration
from kineme.evaluate.config import LinearProbeConfig
from kineme.evaluate.protocols import Candidates, Settings, Task
from kineme.evaluate.protocols.common import STRENGTH, CommonProbe


def noisy(classes: int = 4, width: int = 12) -> Task:
    """Classes that overlap, so that predictions depend on everything."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(classes, width, generator=generator)
    labels, wanted = torch.arange(60) % classes, torch.arange(40) % classes
    train = centres[labels] + torch.randn(1, 60, width, generator=generator)
    return Task(train, labels, centres[wanted] + torch.randn(40, width, generator=generator), classes)


def of(task: Task) -> Candidates:
    return CommonProbe().candidates(task)


@pytest.mark.parametrize("classes", [2, 4])
def test_agrees_with_scikit_learn(classes: int) -> None:
    task = noisy(classes)
    scaler = StandardScaler().fit(task.train.double().numpy())
    scaled = (scaler.transform(features.double().numpy()) for features in (task.train, task.queries))
    train, queries = (np.asarray(features) / sqrt(12) for features in scaled)
    model = LogisticRegression(C=STRENGTH, tol=1e-8, max_iter=10_000).fit(train, task.labels.numpy())
    candidates = of(task)
    assert candidates.names == ("C=100",)
    assert candidates.predictions[0].tolist() == model.predict(queries).tolist()
    assert candidates.scores is not None
    expected = torch.from_numpy(model.predict_log_proba(queries))
    torch.testing.assert_close(candidates.scores.double(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    "change", [lambda x: 1000 * x + 3, lambda x: torch.cat([x, x, x], dim=-1), lambda x: x.flip(-1)]
)
def test_neither_scale_nor_copies_nor_order_of_dimensions_matter(change: object) -> None:
    assert callable(change)
    task = noisy()
    changed = of(replace(task, views=change(task.views), queries=change(task.queries)))
    expected = of(task)
    assert torch.equal(changed.predictions, expected.predictions)
    torch.testing.assert_close(changed.scores, expected.scores, rtol=1e-2, atol=1e-2)


def test_neither_seed_nor_the_recipe_s_probe_matters() -> None:
    task = noisy()
    other = Settings(LinearProbeConfig(epochs=3, lr=1.0), standardise=True, seed=5)
    first, second = of(task), of(replace(task, settings=other))
    assert torch.equal(first.predictions, second.predictions)
    torch.testing.assert_close(first.scores, second.scores, rtol=0, atol=0)


def test_scores_are_logarithms_of_probabilities() -> None:
    task = noisy()
    candidates = of(task)
    assert candidates.scores is not None
    torch.testing.assert_close(candidates.scores.exp().sum(dim=1), torch.ones(40, dtype=candidates.scores.dtype))
    assert NAME in calibration("common", candidates.scores, torch.arange(40) % 4)
