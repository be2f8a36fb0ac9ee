"""Which of a protocol's candidates is reported, decided before anyone looks at the test labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from kineme.evaluate.intervals import wilson_interval
from kineme.evaluate.protocols import Candidates, Protocol, Task
from kineme.evaluate.result import Estimate, Score, Scores

LAST = "default setting, nothing selected"
BEST_VAL = "selected on subjects held out of training"
BEST_TEST = "papers' rule (selected on test)"


@dataclass(frozen=True)
class Selection:
    """Candidates fitted on all training clips, and the one that held-out subjects would choose.

    Args:
        candidates: predictions for the test clips.
        by_validation: chosen candidate; None where there are no subjects to hold out.
        why_not: reason of that None.
    """

    candidates: Candidates
    by_validation: int | None
    why_not: str = ""


def select(protocol: Protocol, task: Task, held_out: Tensor | None, why_not: str = "") -> Selection:
    """Fit a protocol, and choose among its candidates by training clips alone.

    Args:
        protocol: what to fit.
        task: the test clips are its queries; their labels are not part of it.
        held_out: (N,) bool, training clips of the validation subjects; None where there are none.
        why_not: reason of that None.
    """
    if held_out is None:
        return Selection(protocol.candidates(task), None, why_not)
    inner = protocol.candidates(task.hold_out(held_out))
    chosen = best_candidate(inner, task.labels[held_out].cpu())
    return Selection(protocol.candidates(task), chosen)


def best_candidate(candidates: Candidates, labels: Tensor) -> int:
    """Most accurate candidate on labels (Q,); among equals the default, or else the first."""
    correct = (candidates.predictions == labels).sum(dim=1)
    if correct[candidates.default] == correct.max():
        return candidates.default
    return int(correct.argmax())


def score(selection: Selection, labels: Tensor, num_classes: int, extra: Mapping[str, float] | None = None) -> Scores:
    """What the test clips' labels (Q,) say about a selection; ``extra`` figures are passed on."""
    candidates, chosen = selection.candidates, selection.by_validation

    def one(candidate: int, rule: str) -> Score:
        return accuracy(candidates.predictions[candidate], labels, candidates.names[candidate], rule)

    return Scores(
        last=one(candidates.default, LAST),
        best_val=None if chosen is None else one(chosen, BEST_VAL),
        why_no_best_val=selection.why_not,
        best_test=one(best_candidate(candidates, labels), BEST_TEST),
        confusion=confusion(labels, candidates.predictions[candidates.default], num_classes),
        extra=dict(extra or {}),
    )


def accuracy(predictions: Tensor, labels: Tensor, candidate: str, rule: str) -> Score:
    """Accuracy of predictions (Q,) with its interval, and how it was come by."""
    return Score(**estimate(predictions, labels).model_dump(), candidate=candidate, rule=rule)


def estimate(predictions: Tensor, labels: Tensor) -> Estimate:
    """Accuracy of predictions (Q,) with its interval."""
    correct = int((predictions == labels).sum())
    low, high = wilson_interval(correct, len(labels))
    return Estimate(accuracy=correct / len(labels), low=low, high=high)


def confusion(labels: Tensor, predictions: Tensor, num_classes: int) -> tuple[tuple[int, ...], ...]:
    """K x K counts; row k holds what clips of class k were taken for."""
    cells = torch.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return tuple(tuple(row) for row in cells.view(num_classes, num_classes).tolist())
