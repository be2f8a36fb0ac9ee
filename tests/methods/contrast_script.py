"""One process of several that share a batch: `python contrast_script.py METHOD EPOCH RANK PROCESSES FOLDER`.

Takes two steps with its share of the clips, and writes its losses, its gradients, and its queues.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator, Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.methods import Method, Progress
from kineme.nn.moco import Queue
from kineme.train.build import build_method
from kineme.transforms.base import Draws
from small import small_pair

LAYOUT = Layout.get("kinect20")
CLIPS = 8


class Step(nn.Module):
    """The loss of a method with given draws, as a module that can be made data-parallel.

    Args:
        method: whose.
        epoch: epochs done.
    """

    def __init__(self, method: Method, epoch: float) -> None:
        super().__init__()
        self.method, self.progress = method, Progress(step=0, epoch=epoch, epochs=300)

    def forward(self, views: Sequence[ClipBatch], draws: Draws) -> Tensor:
        return self.method.step(views, draws, self.progress).loss


def whole_batch(num_views: int, generator: Generator) -> list[ClipBatch]:
    """Views of one body; it counts as absent in some frames, and in the whole of three clips, two of them even ones.

    Its coordinates are not zero there: of clips that are alike it would be chance which is a neighbour.
    """
    present = torch.rand(CLIPS, 1, 16, generator=generator) < 0.7
    present[[0, 2, 5]] = False
    xyz = torch.randn(num_views, CLIPS, 1, 16, 20, 3, generator=generator, dtype=torch.float64)
    clips = torch.arange(CLIPS)
    return [ClipBatch(view, present, clips, clips, clips, LAYOUT) for view in xyz]


def deal(batch: ClipBatch, rank: int, processes: int) -> ClipBatch:
    """Every so manieth clip, as the training loop deals them out."""
    mine = slice(rank, None, processes)
    fields = ("xyz", "present", "length", "index", "label")
    return replace(batch, **{name: getattr(batch, name)[mine] for name in fields})


def deal_draws(draws: Draws, rank: int, processes: int) -> Draws:
    """The draws of a process's clips, and those of the whole batch.

    Partners are two clips apart in the whole batch, whatever was drawn, so that they are dealt to the same of two
    processes.
    """

    def mine(name: str, draw: Tensor) -> Tensor:
        if name.endswith("shift"):
            return torch.full_like(draw, 2 // processes)
        return draw[rank::processes] if draw.shape[:1] == (CLIPS,) else draw

    return {name: mine(name, draw) for name, draw in draws.items()}


def main(name: str, epoch: float, rank: int, processes: int, folder: Path) -> None:
    """Two steps without an optimiser: the second is compared with the keys of the first."""
    torch.set_num_threads(1)
    where = f"file://{folder / f'meeting-{processes}'}"
    distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=processes)
    # An encoder without batch norm: its features of a clip do not depend on what else is in the batch. In double
    # precision, what remains different is not by rounding.
    method = build_method(small_pair(name, "skeleton_transformer"), LAYOUT, 3).double()
    step = DistributedDataParallel(Step(method, epoch))
    generator, losses = Generator().manual_seed(0), []
    for _ in range(2):
        whole = whole_batch(method.num_views, generator)
        draws = deal_draws(method.sample(whole, generator), rank, processes)
        losses.append(step([deal(view, rank, processes) for view in whole], draws))
        losses[-1].backward()
    learned = {name: weight.grad for name, weight in method.named_parameters() if weight.requires_grad}
    queues = [module for module in method.modules() if isinstance(module, Queue)]
    result = {
        "losses": torch.stack(losses).detach(),
        "gradients": learned,
        "keys": torch.stack([queue.keys for queue in queues]),
        "places": torch.stack([queue.place for queue in queues]),
    }
    torch.save(result, folder / f"out-{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
