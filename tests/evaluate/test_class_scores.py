"""Scores of classes: what they are under each protocol, and that the reported prediction is their maximum."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.evaluate.config import LinearProbeConfig, NeighbourConfig
from kineme.evaluate.protocols import Settings, Task, protocols
from kineme.evaluate.protocols.logreg import ABSENT

SCORED = pytest.mark.parametrize("name", ["knn", "linear", "logreg"])


def noise(num_train: int, num_queries: int, classes: int, seen: int) -> Task:
    """Features without any meaning; only the first classes have training clips."""
    generator = torch.Generator().manual_seed(num_train * 100 + num_queries)
    train, queries = (torch.randn(count, 4, generator=generator) for count in (num_train, num_queries))
    quick = Settings(LinearProbeConfig(epochs=2, batch_size=8))
    return Task(train[None], torch.arange(num_train) % seen, queries, classes, quick)


@SCORED
@settings(max_examples=8, deadline=None)
@given(num_train=st.integers(1, 12), num_queries=st.integers(1, 5), seen=st.integers(1, 4))
def test_the_reported_class_has_the_highest_score(name: str, num_train: int, num_queries: int, seen: int) -> None:
    candidates = protocols.get(name)().candidates(noise(num_train, num_queries, classes=4, seen=seen))
    assert candidates.scores is not None
    assert candidates.scores.shape == (num_queries, 4)
    assert candidates.scores.isfinite().all()
    assert not candidates.scores.requires_grad
    assert torch.equal(candidates.scores.argmax(dim=1), candidates.predictions[candidates.default])


def test_retrieval_scores_no_classes() -> None:
    assert protocols.get("retrieval")().candidates(noise(8, 3, classes=2, seen=2)).scores is None


def test_neighbours_give_shares_of_the_vote() -> None:
    train = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    config = NeighbourConfig(neighbours=(3,), default=3, temperature=0.5)
    task = Task(train[None], torch.tensor([0, 1, 1]), torch.tensor([[1.0, 0.0]]), 3, Settings(knn=config))
    scores = protocols.get("knn")().candidates(task).scores
    votes = torch.tensor([1.0, 0.0, -1.0]).div(0.5).exp()
    assert scores is not None
    torch.testing.assert_close(scores, torch.tensor([[votes[0], votes[1] + votes[2], 0.0]]) / votes.sum())


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_logistic_regression_gives_logarithms_of_probabilities(seen: int) -> None:
    scores = protocols.get("logreg")().candidates(noise(30, 6, classes=4, seen=seen)).scores
    assert scores is not None
    torch.testing.assert_close(scores[:, :seen].exp().sum(dim=1), torch.ones(6).to(scores))
    assert (scores[:, seen:] == ABSENT).all()
