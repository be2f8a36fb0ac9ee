"""Retrieval: test clips look for training clips of their class."""

import torch
from torch import Tensor

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols
from kineme.evaluate.protocols.knn import similarities

RANKS = (1, 5, 10)


@protocols.register("retrieval")
class Retrieval(Protocol):
    """Ranks all training clips by cosine similarity to each query. Its accuracy is R@1; nothing is chosen.

    Further figures: ``R@k``, the share of queries with a clip of their class among the k nearest, and ``mAP``, the
    mean over queries of average precision; a query whose class is not in the gallery counts as 0.
    """

    version = 1

    def candidates(self, task: Task) -> Candidates:
        nearest = torch.cat([similarity.argmax(dim=1) for similarity in similarities(task)])
        return Candidates(("nearest",), task.labels[nearest][None].cpu(), default=0)

    def scores(self, task: Task, labels: Tensor) -> dict[str, float]:
        chunks = []
        labels = labels.to(task.labels.device)
        start = 0
        for similarity in similarities(task):
            wanted = labels[start : start + len(similarity), None]
            chunks.append(_found(task.labels[similarity.argsort(dim=1, descending=True)] == wanted))
            start += len(similarity)
        values = torch.cat(chunks).mean(dim=0).tolist()
        return dict(zip(("mAP", *(f"R@{k}" for k in RANKS)), values, strict=True))


def _found(relevant: Tensor) -> Tensor:
    """(q, 1 + R): average precision and success within each rank, of (q, N) bool relevance, nearest first."""
    hits = relevant.cumsum(dim=1)
    rank = torch.arange(1, relevant.shape[1] + 1, device=relevant.device)
    precision = (hits / rank * relevant).sum(dim=1) / hits[:, -1].clamp(min=1)
    return torch.stack([precision, *(relevant[:, :k].any(dim=1).float() for k in RANKS)], dim=1)
