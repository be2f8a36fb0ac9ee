"""Nothing that is without meaning changes a frozen result: the order of clips, the numbers of classes, threads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fake import small_store, tiny_config
from kineme.evaluate.config import LinearProbeConfig, RefineConfig
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.predictions import ClipPredictions, find_predictions
from kineme.evaluate.protocols import Candidates, Protocol, Settings, Task, protocols
from kineme.evaluate.result import Result, Scores
from kineme.evaluate.sides import labelled_sides
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
EVERY = pytest.mark.parametrize("name", protocols.names())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """Networks with weights of their own, views that are drawn, and settings that take no time."""
    config = tiny_config(
        split="nucla-xview",
        augment=[{"rotation": [0.3, 0.3, 0.3]}],
        features={"views": 2},
        refine={"passes": 4},
        train={"seed": 7},
    )
    made = RunDir.create(tmp_path_factory.mktemp("runs") / "run", config, STORE, len(STORE))
    other = config.with_changes(train=config.train.with_changes(seed=8))
    made.save_weights(build_method(other, STORE.layout, STORE.channels).state_dict())
    return made


def rebuilt(order: np.ndarray, number: np.ndarray) -> SkeletonStore:
    """The store with clips in another order (N,), and class k under ``number[k]``."""
    rows, clips = STORE.gather([]), STORE.clips[order]
    clips["label"] = number[clips["label"]]
    classes = np.array(STORE.classes)[number.argsort()]
    return SkeletonStore(rows.xyz, rows.present, clips, layout=STORE.layout, classes=classes.tolist())


def measured(run: RunDir, store: SkeletonStore, protocol: str) -> tuple[Result, ClipPredictions]:
    result = evaluate(run, store, protocol)
    return result, ClipPredictions.load(find_predictions(run.path, protocol))


@EVERY
@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(len(STORE))))
def test_reordering_clips_changes_nothing(run: RunDir, name: str, order: list[int]) -> None:
    same = np.arange(len(STORE.classes))
    expected, clips = measured(run, STORE, name)
    result, others = measured(run, rebuilt(np.array(order), same), name)
    assert result == expected
    assert np.array_equal(others.ids, clips.ids)
    assert np.array_equal(others.predictions, clips.predictions)


@EVERY
@settings(max_examples=4, deadline=None)
@given(number=st.permutations(range(len(STORE.classes))))
def test_relabelling_changes_nothing(run: RunDir, name: str, number: list[int]) -> None:
    expected, clips = measured(run, STORE, name)
    result, others = measured(run, rebuilt(np.arange(len(STORE)), np.array(number)), name)
    assert figures(result.metrics) == pytest.approx(figures(expected.metrics), abs=1e-5)
    assert result.untrained is not None
    assert expected.untrained is not None
    assert figures(result.untrained) == pytest.approx(figures(expected.untrained), abs=1e-5)
    assert result.coordinate_1nn == expected.coordinate_1nn
    assert result.majority == pytest.approx(expected.majority)
    assert np.array_equal(others.classes[others.predictions], clips.classes[clips.predictions])
    assert np.array_equal(np.array(result.metrics.confusion)[np.ix_(number, number)], expected.metrics.confusion)


@pytest.mark.parametrize("number", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_the_majority_of_equals_is_their_mean(number: list[int]) -> None:
    """Two classes train on equally many clips, and only one of them is tested."""
    sides = labelled_sides(rebuilt(np.arange(len(STORE)), np.array(number)), "nucla-xview", seed=0)
    label = np.array(number).argsort()[sides.store.labels]
    few = replace(sides, train=sides.train[label[sides.train] < 2], test=sides.test[label[sides.test] != 1][:6])
    share = float((label[few.test] == 0).mean())
    assert 0 < share < 1
    assert few.majority == pytest.approx(share / 2)


def figures(scores: Scores) -> dict[str, float]:
    """Every number in them but the confusion."""
    assert scores.best_val is not None
    selected = {"last": scores.last, "best_val": scores.best_val, "best_test": scores.best_test}
    return {name: score.accuracy for name, score in selected.items()} | scores.extra


def noisy(num_train: int = 600, num_queries: int = 300, width: int = 64, classes: int = 5) -> Task:
    """Classes that overlap, so that predictions have something to lose."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(classes, width, generator=generator)
    labels, wanted = torch.arange(num_train) % classes, torch.arange(num_queries) % classes
    train = centres[labels] + 3 * torch.randn(2, num_train, width, generator=generator)
    queries = centres[wanted] + 3 * torch.randn(num_queries, width, generator=generator)
    probe = LinearProbeConfig(epochs=20, batch_size=64)
    return Task(train, labels, queries, classes, Settings(probe, refine=RefineConfig(passes=2)))


@EVERY
@settings(max_examples=5, deadline=None)
@given(number=st.permutations(range(5)))
def test_relabelling_a_hard_task_changes_nothing(name: str, number: list[int]) -> None:
    moved, task = torch.tensor(number), noisy()
    plain = protocols.get(name)().candidates(task)
    candidates = protocols.get(name)().candidates(replace(task, labels=moved[task.labels]))
    assert torch.equal(candidates.predictions, moved[plain.predictions])
    if plain.scores is not None:
        assert candidates.scores is not None
        torch.testing.assert_close(candidates.scores[:, moved], plain.scores, rtol=1e-3, atol=1e-3)


def test_a_class_without_training_clips_can_have_any_number() -> None:
    task = noisy()
    wider = replace(task, num_classes=7)
    moved = torch.tensor([6, 0, 3, 1, 4])
    plain = protocols.get("linear")().candidates(wider)
    candidates = protocols.get("linear")().candidates(replace(wider, labels=moved[task.labels]))
    assert torch.equal(candidates.predictions, moved[plain.predictions])


@EVERY
def test_threads_change_nothing(name: str) -> None:
    """Sums are split over threads, so that scores may move by a last digit; answers do not."""
    protocol: Protocol = protocols.get(name)()
    one, two = (with_threads(threads, protocol, noisy()) for threads in (1, 2))
    assert torch.equal(one.predictions, two.predictions)
    if one.scores is not None:
        assert two.scores is not None
        torch.testing.assert_close(one.scores, two.scores, rtol=1e-3, atol=1e-3)


def with_threads(threads: int, protocol: Protocol, task: Task) -> Candidates:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return protocol.candidates(task)
    finally:
        torch.set_num_threads(before)


def test_features_do_not_depend_on_threads(run: RunDir, tmp_path: Path) -> None:
    expected, _ = measured(run, STORE, "knn")
    copy = RunDir.create(tmp_path / "copy", run.config, STORE, len(STORE))
    copy.save_weights(run.load_method().state_dict())
    torch.set_num_threads(2)
    result, _ = measured(copy, STORE, "knn")
    assert result.metrics == expected.metrics
    assert result.untrained == expected.untrained
