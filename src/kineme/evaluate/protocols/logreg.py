"""Logistic regression on standardised features, by scikit-learn."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols, standardised

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
DEFAULT = STRENGTHS.index(1.0)
TOLERANCE = 1e-3
"""Wide features are correlated, and a tighter one costs many more iterations for the same accuracy."""
ABSENT = -1e30
"""Score of a class without training clips; finite, so that a weight of 0 leaves it out."""


@protocols.register("logreg")
class LogisticProbe(Protocol):
    """L2-regularised multinomial logistic regression (L-BFGS); candidates are C, 1.0 the default."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        return logistic_candidates(task, *standardised(task), STRENGTHS, DEFAULT, TOLERANCE)


def logistic_candidates(
    task: Task, train: Tensor, queries: Tensor, strengths: Sequence[float], default: int, tolerance: float
) -> Candidates:
    """Logistic regression on the clips of a task, a candidate for each strength.

    Args:
        task: labels and classes.
        train: (N, D) features of its training clips, scaled.
        queries: (Q, D) features of its queries, scaled alike.
        strengths: J values of C, the weight of the summed loss beside half the squared norm; rising.
        default: position of the one that is reported.
        tolerance: largest gradient of the mean loss at which L-BFGS stops.
    """
    x, labels, wanted = (tensor.cpu().numpy() for tensor in (train, task.labels, queries))
    classes, values = _values(x, labels, wanted, strengths, tolerance)
    names = tuple(f"C={strength:g}" for strength in strengths)
    scores = values.new_full((len(queries), task.num_classes), ABSENT)
    scores[:, classes] = values[default].log_softmax(dim=1)
    return Candidates(names, classes[values.argmax(dim=2)], default, scores)


def _values(
    train: np.ndarray, labels: np.ndarray, queries: np.ndarray, strengths: Sequence[float], tolerance: float
) -> tuple[Tensor, Tensor]:
    """Classes (C,) of the training clips, and logits (J, Q, C), one matrix per strength."""
    classes = np.unique(labels)
    if len(classes) == 1:
        return torch.from_numpy(classes), torch.zeros(len(strengths), len(queries), 1)
    from sklearn.linear_model import LogisticRegression

    # Each fit starts from the one before, from strong regularisation to weak.
    model = LogisticRegression(tol=tolerance, max_iter=2000, warm_start=True)
    fits = (model.set_params(C=strength).fit(train, labels) for strength in strengths)
    values = torch.from_numpy(np.stack([fit.decision_function(queries) for fit in fits]))
    if values.ndim == 2:  # of two classes there is one value, the second's
        values = torch.stack([torch.zeros_like(values), values], dim=2)
    return torch.from_numpy(classes), values
