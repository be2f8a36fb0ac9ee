"""One training step of DANet's compact recipe with self-attention by torch's fused kernel and by its map.

    python -m benchmarks.danet_step [--pairs 16] [--rounds 5] [--device cpu]

Both compute the same; losses and gradients are compared before anything is timed. On the CPU the encoder goes by the
map, elsewhere by the fused kernel.
"""

import argparse
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.steps import grad_of
from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.methods import Method, Progress
from kineme.nn.relation_attention import RelationAttention
from kineme.recipes.base import RunConfig, recipe_config
from kineme.train.build import build_method

KINECT = Layout.get("kinect20")
WAYS = ("attend_by_map", "attend_fused")


def random_pair(config: RunConfig, pairs: int, device: str) -> list[ClipBatch]:
    """Two batches of wandering joints with the same labels."""
    prepare, clips = config.prepare, torch.arange(pairs, device=device)
    shape = (pairs, prepare.bodies, prepare.window, KINECT.num_joints, 3)
    present = torch.ones(shape[:3], dtype=torch.bool, device=device)
    steps = (0.1 * torch.randn(shape, device=device) for _ in range(2))
    return [ClipBatch(step.cumsum(dim=2), present, clips, clips, clips % 10, KINECT) for step in steps]


def method_with(way: str, config: RunConfig, device: str) -> Method:
    """The method, whose attention goes one way on any device."""
    method = build_method(config, KINECT, 3).to(device).train()
    for module in method.modules():
        if isinstance(module, RelationAttention):
            module.attend_fused = module.attend_by_map = getattr(module, way)
    return method


def step_of(method: Method, views: list[ClipBatch]) -> Callable[[], Tensor]:
    """Forward and backward, waiting for the device; gives the loss."""

    def run() -> Tensor:
        method.zero_grad()
        loss = method.step(views, {}, Progress(0, 0.0, 1)).loss
        loss.backward()
        loss.item()
        return loss

    return run


def main() -> None:
    """Measure on one thread and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = recipe_config("danet-compact")
    views = random_pair(config, args.pairs, args.device)
    methods = [method_with(way, config, args.device) for way in WAYS]
    steps = [step_of(method, views) for method in methods]
    torch.testing.assert_close(*(step() for step in steps))
    for one, other in zip(*(method.parameters() for method in methods), strict=True):
        torch.testing.assert_close(grad_of(one), grad_of(other), rtol=1e-2, atol=1e-3)
    table = Table("self-attention", "CPU seconds per step")
    for way, seconds in zip(WAYS, medians(*steps, rounds=args.rounds), strict=True):
        table.add_row(way, f"{seconds:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
