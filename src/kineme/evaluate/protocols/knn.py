"""Nearest neighbours by cosine similarity."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.evaluate.config import NeighbourConfig
from kineme.evaluate.protocols.base import Candidates, Protocol, Task, compared, protocols

QUERIES_AT_ONCE = 1024


@protocols.register("knn")
class NearestNeighbours(Protocol):
    """Weighted vote of the k most similar training clips; candidates are k, by default 1, 5, 10 and 20, five the one
    reported."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        config = task.settings.knn
        chunks = [_ballots(chunk, task.labels, task.num_classes, config) for chunk in similarities(task)]
        ballots = torch.cat(chunks, dim=1)
        default = config.neighbours.index(config.default)
        shares = F.normalize(ballots[default], p=1, dim=1).cpu()
        names = tuple(f"k={k}" for k in config.neighbours)
        return Candidates(names, ballots.argmax(dim=2).cpu(), default, scores=shares)


def similarities(task: Task) -> Iterator[Tensor]:
    """Cosine similarities (q, N) of queries to all training clips, some queries at a time."""
    train, queries = (F.normalize(features, dim=1) for features in compared(task))
    for chunk in queries.split(QUERIES_AT_ONCE):
        yield chunk @ train.T


def _ballots(similarity: Tensor, labels: Tensor, num_classes: int, config: NeighbourConfig) -> Tensor:
    """Votes (J, q, K) for every class, for every number of neighbours, from one search."""
    nearest = similarity.topk(min(max(config.neighbours), len(labels)), dim=1)
    # Relative to the nearest, so that the largest weight is 1.
    weight = ((nearest.values - nearest.values[:, :1]) / config.temperature).exp()
    label = labels[nearest.indices]
    empty = similarity.new_zeros(len(similarity), num_classes)
    return torch.stack([empty.scatter_add(1, label[:, :k], weight[:, :k]) for k in config.neighbours])
