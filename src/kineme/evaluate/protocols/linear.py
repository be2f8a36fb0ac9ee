"""Linear probes of the masked (spec-masked §4) and contrastive family (spec-contrastive §11), on cached features."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kineme.evaluate.config import LinearProbeConfig
from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols
from kineme.nn.heads import LinearHead
from kineme.nn.stgcn import init_moco
from kineme.train.optim import cosine_lr, stepped_lr


@protocols.register("linear")
class LinearProbe(Protocol):
    """SGD with momentum 0.9, under a cosine or in steps; every epoch is a candidate, the last one the default.

    Epoch e trains on cached view e modulo W. Classes start with the weights that are drawn in the order in which they
    first come among the training clips, so that their numbers mean nothing.
    """

    version = 2

    def candidates(self, task: Task) -> Candidates:
        config = task.settings.probe
        if config.norm:
            task = _at_unit_scale(task)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.settings.seed)
            head = _head(task.train.shape[1], task.num_classes, config.norm)
        _deal(head, task.labels.cpu())
        head.to(task.train.device)
        optimizer = torch.optim.SGD(head.parameters(), lr=config.lr, momentum=0.9, weight_decay=config.weight_decay)
        generator = torch.Generator().manual_seed(task.settings.seed)
        predictions = []
        for epoch in range(config.epochs):
            self._train_epoch(head, optimizer, task, epoch, generator)
            predictions.append(_logits(head, task.queries).argmax(dim=1).cpu())
        names = tuple(f"epoch {epoch + 1}" for epoch in range(config.epochs))
        scores = _logits(head, task.queries).cpu()
        return Candidates(names, torch.stack(predictions), default=config.epochs - 1, scores=scores)

    @staticmethod
    def _train_epoch(
        head: nn.Module, optimizer: torch.optim.SGD, task: Task, epoch: int, generator: torch.Generator
    ) -> None:
        config, num_clips = task.settings.probe, len(task.labels)
        features = task.views[epoch % len(task.views)]
        batch_size = min(config.batch_size, num_clips)
        steps = num_clips // batch_size
        order = torch.randperm(num_clips, generator=generator).to(features.device)
        # A single clip has no batch statistics; it is normalised by the running ones.
        head.train(batch_size > 1)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = _lr(config, epoch + step / steps)
            batch = order[step * batch_size : (step + 1) * batch_size]
            loss = F.cross_entropy(head(features[batch]), task.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _at_unit_scale(task: Task) -> Task:
    """All features by one factor, which the batch norm undoes; but it adds 1e-6 to variances, and those of networks
    that are not trained may be smaller."""
    scale = task.views.abs().mean().clamp(min=1e-12)
    return replace(task, views=task.views / scale, queries=task.queries / scale)


def _head(width: int, num_classes: int, norm: bool) -> nn.Module:
    if norm:
        return LinearHead(width, num_classes)
    head = nn.Linear(width, num_classes)
    init_moco(head)
    return head


@torch.no_grad()
def _deal(head: nn.Module, labels: Tensor) -> None:
    """Give drawn weights to classes in the order in which they first come in (N,) labels; none to classes that never
    do."""
    weight, bias = (each for each in head.parameters())
    first = torch.full((len(weight),), len(labels)).scatter_reduce(0, labels, torch.arange(len(labels)), "amin")
    turn, comes = first.argsort(stable=True).argsort(), first < len(labels)
    weight.copy_(weight[turn] * comes[:, None])
    bias.copy_(bias[turn] * comes)


def _lr(config: LinearProbeConfig, epoch: float) -> float:
    if config.schedule == "steps":
        return stepped_lr(int(epoch), peak=config.lr, steps=config.steps)
    return cosine_lr(epoch, peak=config.lr, minimum=0.0, warmup=0.0, epochs=config.epochs)


@torch.no_grad()
def _logits(head: nn.Module, queries: Tensor) -> Tensor:
    return head.eval()(queries)
