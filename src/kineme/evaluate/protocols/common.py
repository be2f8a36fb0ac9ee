"""The common probe: one fixed classifier for features of any family and width."""

from math import sqrt

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols, standardised
from kineme.evaluate.protocols.logreg import logistic_candidates

STRENGTH = 100.0
"""Best of 0.1, 1, 10, 100 and 1000 on subjects held out of training, on average over six runs: MAE, HA-CM and
SkeletonCLR on Northwestern-UCLA, MAMP, STJD-MP and AimCLR on UTD-MHAD; it is among the best two in each."""
TOLERANCE = 1e-6


@protocols.register("common")
class CommonProbe(Protocol):
    """L2-regularised multinomial logistic regression of one fixed strength, to compare encoders of any family.

    Features are standardised by the training clips and divided by the square root of their width D, so that a clip has
    about unit length, and one strength means the same at every width. Nothing is chosen, no setting of the recipe is
    read, and the problem is convex, so that no seed matters. What makes the features, pooling and views, is the
    recipe's. Ours, not a published protocol.
    """

    version = 1

    def candidates(self, task: Task) -> Candidates:
        length = sqrt(task.train.shape[1])
        # In double precision on the CPU, so that the optimum is reached whatever the device.
        train, queries = (features.cpu().double() / length for features in standardised(task))
        return logistic_candidates(task, train, queries, (STRENGTH,), default=0, tolerance=TOLERANCE)
