"""Nearest neighbours by cosine similarity."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols, standardised

NEIGHBOURS = (1, 5, 10, 20)
TEMPERATURE = 0.07
"""A neighbour votes with exp(similarity / temperature), as in Wu et al., CVPR 2018 (instance discrimination)."""
QUERIES_AT_ONCE = 1024


@protocols.register("knn")
class NearestNeighbours(Protocol):
    """Weighted vote of the k most similar training clips; candidates are k, five the default."""

    version = 1

    def candidates(self, task: Task) -> Candidates:
        votes = [_vote(chunk, task.labels, task.num_classes) for chunk in similarities(task)]
        names = tuple(f"k={k}" for k in NEIGHBOURS)
        return Candidates(names, torch.cat(votes, dim=1).cpu(), default=NEIGHBOURS.index(5))


def similarities(task: Task) -> Iterator[Tensor]:
    """Cosine similarities (q, N) of queries to all training clips, some queries at a time."""
    train, queries = standardised(task) if task.settings.standardise else (task.train, task.queries)
    train, queries = F.normalize(train, dim=1), F.normalize(queries, dim=1)
    for chunk in queries.split(QUERIES_AT_ONCE):
        yield chunk @ train.T


def _vote(similarity: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """(J, q) classes, for every number of neighbours, from one search."""
    nearest = similarity.topk(min(max(NEIGHBOURS), len(labels)), dim=1)
    # Relative to the nearest, so that the largest weight is 1.
    weight = ((nearest.values - nearest.values[:, :1]) / TEMPERATURE).exp()
    label = labels[nearest.indices]
    ballots = similarity.new_zeros(len(similarity), num_classes)
    return torch.stack([ballots.scatter_add(1, label[:, :k], weight[:, :k]).argmax(dim=1) for k in NEIGHBOURS])
