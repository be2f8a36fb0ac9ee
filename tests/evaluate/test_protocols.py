"""Every registered protocol: deterministic, blind to query order, at ease with tiny tasks. Then each by itself."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from kineme.evaluate.config import LinearProbeConfig, RefineConfig
from kineme.evaluate.protocols import Protocol, Settings, Task, protocols
from kineme.evaluate.protocols.linear import LinearProbe
from kineme.evaluate.protocols.retrieval import Retrieval

QUICK = Settings(LinearProbeConfig(epochs=4, batch_size=8), refine=RefineConfig(passes=4))
EVERY = pytest.mark.parametrize("name", protocols.names())


def blobs(num_train: int = 30, num_queries: int = 12, width: int = 5, classes: int = 3, views: int = 1) -> Task:
    """Well separated classes."""
    generator = torch.Generator().manual_seed(num_train + width)
    centres = torch.randn(classes, width, generator=generator) * 5
    labels, wanted = torch.arange(num_train) % classes, torch.arange(num_queries) % classes
    train = centres[labels] + 0.1 * torch.randn(views, num_train, width, generator=generator)
    queries = centres[wanted] + 0.1 * torch.randn(num_queries, width, generator=generator)
    return Task(train, labels, queries, classes, Settings(LinearProbeConfig(epochs=30, batch_size=8)))


@EVERY
def test_separable_classes_are_found(name: str) -> None:
    task = blobs()
    candidates = protocols.get(name)().candidates(task)
    assert len(candidates.names) == len(candidates.predictions)
    assert candidates.predictions.dtype == torch.int64
    assert torch.equal(candidates.predictions[candidates.default], torch.arange(12) % 3)


@EVERY
def test_equal_tasks_give_equal_candidates(name: str) -> None:
    protocol: Protocol = protocols.get(name)()
    torch.manual_seed(0)
    first = protocol.candidates(blobs())
    state = torch.get_rng_state()
    assert torch.equal(protocol.candidates(blobs()).predictions, first.predictions)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is not a protocol's to use"


@EVERY
def test_a_query_is_judged_alone(name: str) -> None:
    task = blobs()
    turned = Task(task.views, task.labels, task.queries.flip(0), task.num_classes, task.settings)
    protocol = protocols.get(name)()
    assert torch.equal(protocol.candidates(turned).predictions.flip(1), protocol.candidates(task).predictions)


@EVERY
@settings(max_examples=8, deadline=None)
@given(num_train=st.integers(1, 9), num_queries=st.integers(1, 3), width=st.integers(1, 3), missing=st.booleans())
def test_tiny_tasks(name: str, num_train: int, num_queries: int, width: int, missing: bool) -> None:
    task = blobs(num_train, num_queries, width)
    labels = task.labels.clamp(max=1) if missing else task.labels
    task = Task(task.views, labels, task.queries, task.num_classes, QUICK)
    protocol = protocols.get(name)()
    predictions = protocol.candidates(task).predictions
    assert predictions.shape[1] == num_queries
    assert set(predictions.flatten().tolist()) <= ({0, 1, 2} if name == "linear" else set(labels.tolist()))
    scores = protocol.scores(task, torch.arange(num_queries) % 3)
    assert all(0 <= value <= 1 for value in scores.values())


@EVERY
@pytest.mark.parametrize("value", [0.0, 3.0])
def test_features_that_are_all_the_same(name: str, value: float) -> None:
    task = Task(torch.full((1, 8, 4), value), torch.arange(8) % 2, torch.full((3, 4), value), 2, QUICK)
    predictions = protocols.get(name)().candidates(task).predictions
    assert ((predictions == 0) | (predictions == 1)).all()


def test_linear_probe_cycles_through_views() -> None:
    task = blobs(views=2)
    first_only = Task(task.views[:1], task.labels, task.queries, 3, task.settings)
    broken = task.views.clone()
    broken[1] = task.views[1].flip(0)
    shuffled = Task(broken, task.labels, task.queries, 3, task.settings)
    probe = LinearProbe()
    assert torch.equal(probe.candidates(shuffled).predictions[0], probe.candidates(first_only).predictions[0])
    right = [(probe.candidates(t).predictions[-1] == torch.arange(12) % 3).float().mean() for t in (task, shuffled)]
    assert right[0] == 1 > right[1]


def test_linear_probe_depends_on_its_seed() -> None:
    noise = torch.randn(1, 40, 6, generator=torch.Generator().manual_seed(0))
    tasks = [
        Task(noise, torch.arange(40) % 4, noise[0], 4, Settings(LinearProbeConfig(epochs=1, batch_size=8), seed=seed))
        for seed in (0, 1)
    ]
    first, second = (LinearProbe().candidates(task).predictions for task in tasks)
    assert not torch.equal(first, second)


def test_linear_probe_sees_features_of_any_size() -> None:
    task = blobs()
    tiny = replace(task, views=1e-5 * task.views, queries=1e-5 * task.queries)
    expected = LinearProbe().candidates(task).scores
    assert expected is not None
    torch.testing.assert_close(LinearProbe().candidates(tiny).scores, expected, rtol=1e-3, atol=1e-3)


def test_neighbours_vote_by_similarity() -> None:
    # The nearest is of class 1, the next four of class 0 but hardly similar.
    train = torch.tensor([[1.0, 0.05], [1.0, 1.0], [1.0, 1.1], [1.0, 1.2], [1.0, 1.3]])
    labels = torch.tensor([1, 0, 0, 0, 0])
    candidates = protocols.get("knn")().candidates(Task(train[None], labels, torch.tensor([[1.0, 0.0]]), 2))
    assert candidates.names[:2] == ("k=1", "k=5")
    assert candidates.predictions[:2].flatten().tolist() == [1, 1]
    close = torch.tensor([[1.0, 0.05], [1.0, 0.1], [1.0, 0.1], [1.0, 0.1], [1.0, 0.1]])
    candidates = protocols.get("knn")().candidates(Task(close[None], labels, torch.tensor([[1.0, 0.0]]), 2))
    assert candidates.predictions[:2].flatten().tolist() == [1, 0]


def test_standardising_lets_small_dimensions_count() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 2
    signal = (labels * 2.0 - 1)[:, None] * 0.01
    train = torch.cat([signal, torch.randn(40, 1, generator=generator) * 100], dim=1)
    right = []
    for standardise in (False, True):
        task = Task(train[None, :30], labels[:30], train[30:], 2, Settings(standardise=standardise))
        candidates = protocols.get("knn")().candidates(task)
        right.append((candidates.predictions[0] == labels[30:]).float().mean())
    assert right[0] < 0.9 < right[1]


def test_retrieval_agrees_with_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(1)
    train, queries = torch.randn(50, 4, generator=generator), torch.randn(9, 4, generator=generator)
    labels, wanted = torch.randint(3, (50,), generator=generator), torch.randint(3, (9,), generator=generator)
    scores = Retrieval().scores(Task(train[None], labels, queries, 3), wanted)
    similarity = torch.nn.functional.normalize(queries, dim=1) @ torch.nn.functional.normalize(train, dim=1).T
    expected = [
        average_precision_score((labels == k).numpy(), row.numpy()) for k, row in zip(wanted, similarity, strict=True)
    ]
    assert scores["mAP"] == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    nearest = similarity.argsort(dim=1, descending=True)
    for k in (1, 5, 10):
        found = (labels[nearest[:, :k]] == wanted[:, None]).any(dim=1).float().mean()
        assert scores[f"R@{k}"] == pytest.approx(float(found))


def test_a_class_without_gallery_is_never_found() -> None:
    scores = Retrieval().scores(Task(torch.randn(1, 5, 2), torch.zeros(5).long(), torch.randn(2, 2), 2), torch.ones(2))
    assert set(scores.values()) == {0.0}
