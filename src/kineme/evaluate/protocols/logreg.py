"""Logistic regression on standardised features, by scikit-learn."""

import numpy as np
import torch
from torch import Tensor

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols, standardised

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
DEFAULT = STRENGTHS.index(1.0)
ABSENT = -1e30
"""Score of a class without training clips; finite, so that a weight of 0 leaves it out."""


@protocols.register("logreg")
class LogisticProbe(Protocol):
    """L2-regularised multinomial logistic regression (L-BFGS); candidates are C, 1.0 the default."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        train, queries = (features.cpu().numpy() for features in standardised(task))
        classes, values = _values(train, task.labels.cpu().numpy(), queries)
        names = tuple(f"C={strength:g}" for strength in STRENGTHS)
        scores = values.new_full((len(queries), task.num_classes), ABSENT)
        scores[:, classes] = values[DEFAULT].log_softmax(dim=1)
        return Candidates(names, classes[values.argmax(dim=2)], DEFAULT, scores)


def _values(train: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> tuple[Tensor, Tensor]:
    """Classes (C,) of the training clips, and logits (J, Q, C), one matrix per strength."""
    classes = np.unique(labels)
    if len(classes) == 1:
        return torch.from_numpy(classes), torch.zeros(len(STRENGTHS), len(queries), 1)
    from sklearn.linear_model import LogisticRegression

    # Each fit starts from the one before, from strong regularisation to weak. Wide features are correlated, and a
    # tighter tolerance costs many more iterations for the same accuracy.
    model = LogisticRegression(tol=1e-3, max_iter=2000, warm_start=True)
    fits = (model.set_params(C=strength).fit(train, labels) for strength in STRENGTHS)
    values = torch.from_numpy(np.stack([fit.decision_function(queries) for fit in fits]))
    if values.ndim == 2:  # of two classes there is one value, the second's
        values = torch.stack([torch.zeros_like(values), values], dim=2)
    return torch.from_numpy(classes), values
