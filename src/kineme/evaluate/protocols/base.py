"""What a protocol is: features and labels of training clips in, predictions for query clips out.

Honesty is in the types: a `Task` has no labels of the queries, so nothing that a protocol does and nothing that is
chosen from its candidates can depend on them.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from kineme.evaluate.config import LinearProbeConfig, NeighbourConfig, RefineConfig
from kineme.registry import Registry


@dataclass(frozen=True)
class Settings:
    """What protocols can be told.

    Args:
        probe: the linear probe's layers and schedule.
        standardise: scale features by the training clips' mean and deviation before neighbours are looked for.
        average: represent a clip that is not trained on by the mean over its views.
        seed: of initial weights and of the order of clips.
        knn: how neighbours vote.
        refine: training of the auto-encoder that refines features.
    """

    probe: LinearProbeConfig = field(default_factory=LinearProbeConfig)
    standardise: bool = False
    average: bool = False
    seed: int = 0
    knn: NeighbourConfig = field(default_factory=NeighbourConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)


@dataclass(frozen=True)
class Task:
    """Everything that a protocol may see.

    Args:
        views: (W, N, D) features of the training clips; the first view is not augmented.
        labels: (N,) int64 classes of the training clips; some classes may be missing.
        queries: (Q, D) features of the clips to classify.
        num_classes: K.
        settings: what the protocol is told.
    """

    views: Tensor
    labels: Tensor
    queries: Tensor
    num_classes: int
    settings: Settings = field(default_factory=Settings)

    @property
    def train(self) -> Tensor:
        """(N, D) the training clips, one vector each: as evaluation sees them, or the mean over views."""
        return represent(self.views, self.settings.average)

    def hold_out(self, held_out: Tensor) -> "Task":
        """The same task inside the training clips: those marked in (N,) bool become the queries."""
        kept = ~held_out
        queries = self.train[held_out]
        return replace(self, views=self.views[:, kept], labels=self.labels[kept], queries=queries)


def represent(views: Tensor, average: bool) -> Tensor:
    """One vector per clip from (W, N, D): the first view, or the mean over all."""
    return views.mean(dim=0) if average else views[0]


@dataclass(frozen=True)
class Candidates:
    """Predictions for every setting that a protocol would be chosen from.

    Args:
        names: J names, such as "epoch 7" or "k=5".
        predictions: (J, Q) int64 classes, on the CPU.
        default: the candidate that is reported when nothing is chosen: the last epoch, the customary setting.
        scores: (Q, K) of the default candidate, on the CPU: the higher, the likelier the class; what several runs
            are fused by. None where there are no such scores.
    """

    names: tuple[str, ...]
    predictions: Tensor
    default: int
    scores: Tensor | None = None


class Protocol:
    """A way of classifying clips by frozen features. Deterministic: equal tasks give equal candidates."""

    version: ClassVar[int]
    """Raised whenever results change; results name it as ``linear@2``."""

    def candidates(self, task: Task) -> Candidates:
        """Predictions of every candidate, each fitted on all training clips."""
        raise NotImplementedError

    def scores(self, task: Task, labels: Tensor) -> dict[str, float]:
        """Figures beyond accuracy, measured with the queries' labels (Q,); none by default."""
        return {}


def standardised(task: Task) -> tuple[Tensor, Tensor]:
    """Training and query features with the training clips' mean 0 and deviation 1 in every dimension."""
    deviation = task.train.std(dim=0, correction=0)
    scale = deviation.where(deviation > 1e-6 * deviation.max(), 1).where(deviation.max() > 0, 1)
    shift = task.train.mean(dim=0)
    return (task.train - shift) / scale, (task.queries - shift) / scale


def compared(task: Task) -> tuple[Tensor, Tensor]:
    """Training and query features as they are compared by similarity: standardised, where the settings say so."""
    return standardised(task) if task.settings.standardise else (task.train, task.queries)


protocols: Registry[type[Protocol]] = Registry("protocol", "kineme.evaluate.protocols")
