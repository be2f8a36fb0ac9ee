"""The nearest neighbour in refined features: the code of an auto-encoder that is trained on them (AgRNet)."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.evaluate.config import RefineConfig
from kineme.evaluate.protocols.base import Candidates, Protocol, Settings, Task, compared, protocols
from kineme.evaluate.protocols.knn import similarities
from kineme.nn.refine import RefinementAutoEncoder, refinement_widths


@protocols.register("refined")
class Refined(Protocol):
    """1-NN by cosine similarity on the code of a dense auto-encoder that is trained, without labels, on the training
    clips' features; candidates are numbers of passes, the last one the default.

    The code has an eighth of the features' width. A further figure is ``plain 1-NN``, the same without refinement.
    The authors look at the test score every 100 passes; which of them counts is not told.
    """

    version = 1

    def candidates(self, task: Task) -> Candidates:
        train, queries = compared(task)
        names, predictions = [], []
        for done, network in _trained(train, task.settings.refine, task.settings.seed):
            with torch.no_grad():
                predictions.append(_nearest(network.code(train), task.labels, network.code(queries)))
            names.append(f"pass {done}")
        return Candidates(tuple(names), torch.stack(predictions), default=len(names) - 1)

    def scores(self, task: Task, labels: Tensor) -> dict[str, float]:
        train, queries = compared(task)
        correct = _nearest(train, task.labels, queries) == labels.cpu()
        return {"plain 1-NN": correct.double().mean().item()}


def _nearest(train: Tensor, labels: Tensor, queries: Tensor) -> Tensor:
    """Classes (Q,) on the CPU of the most similar of (N, D) training vectors."""
    found = similarities(Task(train[None], labels, queries, num_classes=0, settings=Settings()))
    return labels[torch.cat([similarity.argmax(dim=1) for similarity in found])].cpu()


def _trained(features: Tensor, config: RefineConfig, seed: int) -> Iterator[tuple[int, RefinementAutoEncoder]]:
    """The auto-encoder and how many passes over (N, D) it has seen, whenever it is time to look."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = RefinementAutoEncoder(refinement_widths(features.shape[1])).to(features)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for done in range(1, config.passes + 1):
        order = torch.randperm(len(features), generator=generator).to(features.device)
        for batch in features[order].split(config.batch_size):
            optimizer.zero_grad()
            F.mse_loss(network(batch), batch).backward()
            optimizer.step()
        if done % config.look_passes == 0 or done == config.passes:
            yield done, network
