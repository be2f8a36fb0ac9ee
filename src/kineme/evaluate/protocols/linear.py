"""The linear probe of the masked family (spec-masked §4), on cached features."""

import torch
from torch import Tensor
from torch.nn import functional as F

from kineme.evaluate.protocols.base import Candidates, Protocol, Task, protocols
from kineme.nn.heads import LinearHead
from kineme.train.optim import cosine_lr


@protocols.register("linear")
class LinearProbe(Protocol):
    """SGD with momentum 0.9 under a cosine; every epoch is a candidate, the last one the default.

    Epoch e trains on cached view e modulo W.
    """

    version = 1

    def candidates(self, task: Task) -> Candidates:
        config = task.settings.probe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.settings.seed)
            head = LinearHead(task.train.shape[1], task.num_classes).to(task.train.device)
        optimizer = torch.optim.SGD(head.parameters(), lr=config.lr, momentum=0.9, weight_decay=config.weight_decay)
        generator = torch.Generator().manual_seed(task.settings.seed)
        predictions = []
        for epoch in range(config.epochs):
            self._train_epoch(head, optimizer, task, epoch, generator)
            predictions.append(_predict(head, task.queries))
        names = tuple(f"epoch {epoch + 1}" for epoch in range(config.epochs))
        return Candidates(names, torch.stack(predictions), default=config.epochs - 1)

    @staticmethod
    def _train_epoch(
        head: LinearHead, optimizer: torch.optim.SGD, task: Task, epoch: int, generator: torch.Generator
    ) -> None:
        config, num_clips = task.settings.probe, len(task.labels)
        features = task.views[epoch % len(task.views)]
        batch_size = min(config.batch_size, num_clips)
        steps = num_clips // batch_size
        order = torch.randperm(num_clips, generator=generator).to(features.device)
        # A single clip has no batch statistics; it is normalised by the running ones.
        head.train(batch_size > 1)
        for step in range(steps):
            done = epoch + step / steps
            optimizer.param_groups[0]["lr"] = cosine_lr(
                done, peak=config.lr, minimum=0.0, warmup=0.0, epochs=config.epochs
            )
            batch = order[step * batch_size : (step + 1) * batch_size]
            loss = F.cross_entropy(head(features[batch]), task.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def _predict(head: LinearHead, queries: Tensor) -> Tensor:
    return head.eval()(queries).argmax(dim=1).cpu()
