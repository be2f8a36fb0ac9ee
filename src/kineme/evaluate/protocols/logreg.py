"""Logistic regression on standardised features, by scikit-learn."""

import numpy as np
import torch

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols, standardised

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)


@protocols.register("logreg")
class LogisticProbe(Protocol):
    """L2-regularised multinomial logistic regression (L-BFGS); candidates are C, 1.0 the default."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        train, queries = (features.cpu().numpy() for features in standardised(task))
        predictions = _predictions(train, task.labels.cpu().numpy(), queries)
        names = tuple(f"C={strength:g}" for strength in STRENGTHS)
        return Candidates(names, torch.from_numpy(predictions), default=STRENGTHS.index(1.0))


def _predictions(train: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """(J, Q) int64 predictions, one row per strength."""
    if len(np.unique(labels)) == 1:
        return np.full((len(STRENGTHS), len(queries)), labels[0])
    from sklearn.linear_model import LogisticRegression

    # Each fit starts from the one before, from strong regularisation to weak. Wide features are correlated, and a
    # tighter tolerance costs many more iterations for the same accuracy.
    model = LogisticRegression(tol=1e-3, max_iter=2000, warm_start=True)
    return np.stack([model.set_params(C=strength).fit(train, labels).predict(queries) for strength in STRENGTHS])
