"""Nothing that is reported as the result may depend on test labels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.evaluate.protocols import Candidates, Protocol, Task
from kineme.evaluate.select import BEST_TEST, best_candidate, score, select

CLASSES = 4


class Scripted(Protocol):
    """Candidate j answers the first feature of a query plus j, so data decide which candidate is right."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        guess = task.queries[:, 0].long()
        predictions = torch.stack([(guess + j) % CLASSES for j in range(CLASSES)])
        return Candidates(tuple(f"plus {j}" for j in range(CLASSES)), predictions, default=CLASSES - 1)


def task_where(val_offset: int, num_train: int = 20, num_test: int = 10) -> tuple[Task, torch.Tensor]:
    """Task whose held-out clips are right with candidate ``val_offset``, and which clips those are."""
    guess = torch.arange(num_train) % CLASSES
    labels = (guess + val_offset) % CLASSES
    queries = (torch.arange(num_test) % CLASSES).float()[:, None]
    return Task(guess.float()[None, :, None], labels, queries, CLASSES), torch.arange(num_train) < num_train // 2


@settings(max_examples=20, deadline=None)
@given(offset=st.integers(0, CLASSES - 1), labels=st.lists(st.integers(0, CLASSES - 1), min_size=10, max_size=10))
def test_test_labels_change_no_choice(offset: int, labels: list[int]) -> None:
    task, held_out = task_where(offset)
    selection = select(Scripted(), task, held_out)
    assert selection.by_validation == offset
    scores = score(selection, torch.tensor(labels), CLASSES)
    assert scores.best_val is not None
    assert scores.last.candidate == "plus 3"
    assert scores.best_val.candidate == f"plus {offset}"


def test_a_lucky_candidate_is_reported_as_the_papers_rule_only() -> None:
    task, held_out = task_where(1)
    lucky = task.queries[:, 0].long()
    scores = score(select(Scripted(), task, held_out), lucky, CLASSES)
    assert scores.best_val is not None
    assert (scores.last.accuracy, scores.best_val.accuracy, scores.best_test.accuracy) == (0.0, 0.0, 1.0)
    assert scores.best_test.candidate == "plus 0"
    assert scores.best_test.rule == BEST_TEST
    assert "selected on test" in BEST_TEST


def test_without_held_out_subjects_the_reason_is_given() -> None:
    task, _ = task_where(1)
    scores = score(select(Scripted(), task, None, "one subject"), task.queries[:, 0].long(), CLASSES)
    assert scores.best_val is None
    assert scores.why_no_best_val == "one subject"


def test_held_out_clips_are_not_fitted_on() -> None:
    task, held_out = task_where(0)
    inner = task.hold_out(held_out)
    assert len(inner.labels) == inner.views.shape[1] == int((~held_out).sum())
    assert torch.equal(inner.queries, task.train[held_out])


@pytest.mark.parametrize(
    ("predictions", "expected"), [([[0, 1], [0, 1]], 1), ([[0, 0], [1, 1]], 0), ([[0, 0], [0, 1]], 0)]
)
def test_the_default_wins_among_equals(predictions: list[list[int]], expected: int) -> None:
    candidates = Candidates(("a", "b"), torch.tensor(predictions), default=1)
    assert best_candidate(candidates, torch.tensor([0, 0])) == expected


def test_confusion_and_class_accuracies() -> None:
    candidates = Candidates(("only",), torch.tensor([[0, 0, 1, 2]]), default=0)
    selection = select(_Fixed(candidates), task_where(0)[0], None)
    scores = score(selection, torch.tensor([0, 1, 1, 1]), CLASSES)
    assert scores.confusion == ((1, 0, 0, 0), (1, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    assert scores.per_class == (1.0, pytest.approx(1 / 3), None, None)


class _Fixed(Protocol):
    version = 1

    def __init__(self, answer: Candidates) -> None:
        self.answer = answer

    def candidates(self, task: Task) -> Candidates:
        return self.answer
