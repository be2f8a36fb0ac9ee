"""One supervised training step of ST-GCN as the contrastive family has it, beside the authors' code on the same clips.

    python -m benchmarks.stgcn_step --reference CHECKOUT [--clips 16] [--rounds 7]

The reference is a checkout of ActCLR (https://github.com/LanglandsLin/ActCLR), run as it is, dropout included. Both
start from the same weights; before anything is timed, logits and gradients are compared without dropout, in double
precision. A quarter of the clips show two people, the others one, and the second body is zero in them.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.masked_step import grad_of
from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_stgcn import from_official_stgcn
from kineme.layout import Layout

WINDOW, BODIES, CLASSES = 50, 2, 60
KINECT = Layout.get("kinect25")

Step = Callable[[], object]


def random_batch(num_clips: int) -> ClipBatch:
    """Wandering bodies, the second one in a quarter of the clips."""
    xyz = 0.1 * torch.randn(num_clips, BODIES, WINDOW, KINECT.num_joints, 3).cumsum(dim=2)
    xyz[num_clips // 4 :, 1] = 0
    clips = torch.arange(num_clips)
    present = xyz.abs().sum(dim=(3, 4)) > 0
    return ClipBatch(xyz, present, torch.full_like(clips, WINDOW), clips, clips % CLASSES, KINECT)


class Theirs(nn.Module):
    """The authors' network, and a batch in their order of axes."""

    def __init__(self, checkout: Path, batch: ClipBatch, dropout: float) -> None:
        super().__init__()
        if str(checkout) not in sys.path:
            sys.path.insert(0, str(checkout))
        from net.st_gcn import Model  # pyright: ignore[reportMissingImports]

        config = STGCNConfig()
        self.network = Model(
            in_channels=3,
            hidden_channels=config.hidden_channels,
            hidden_dim=config.width,
            num_class=CLASSES,
            dropout=dropout,
            graph_args={"layout": "ntu-rgb+d", "strategy": config.strategy},
            edge_importance_weighting=True,
        )
        self.x, self.label = batch.xyz.permute(0, 4, 2, 3, 1).contiguous(), batch.label

    def logits(self) -> Tensor:
        (logits,) = self.network(self.x)
        return logits


class Ours(nn.Module):
    """The same in kineme, with the same weights."""

    def __init__(self, theirs: Theirs, batch: ClipBatch, dropout: float) -> None:
        super().__init__()
        self.encoder = STGCN(STGCNConfig(dropout=dropout), batch.layout, WINDOW)
        self.head = nn.ModuleDict({"linear": nn.Linear(self.encoder.width, CLASSES)})
        self.load_state_dict(from_official_stgcn(theirs.network.state_dict(), self.encoder.adjacency))
        self.batch, self.label = batch, batch.label

    def logits(self) -> Tensor:
        return self.head["linear"](self.encoder.features(self.batch).mean(dim=(1, 2, 3)))


def both(checkout: Path, batch: ClipBatch, dropout: float) -> tuple[Theirs, Ours]:
    """The two sides with equal weights, in training mode."""
    theirs = Theirs(checkout, batch, dropout)
    return theirs, Ours(theirs, batch, dropout)


def train_step(side: Theirs | Ours) -> Step:
    """Forward, backward and the SGD step of the contrastive recipes."""
    optimizer = torch.optim.SGD(side.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def run() -> None:
        F.cross_entropy(side.logits(), side.label).backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def encoding(side: Theirs | Ours) -> Step:
    """Logits in evaluation."""

    @torch.inference_mode()
    def run() -> Tensor:
        return side.eval().logits()

    return run


def check(checkout: Path, batch: ClipBatch) -> None:
    """Stop unless both have the same logits and the same gradients."""
    theirs, ours = both(checkout, batch.with_xyz(batch.xyz.double()), dropout=0.0)
    logits = [side.double().logits() for side in (theirs, ours)]
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-9, atol=1e-9)
    for each in logits:
        F.cross_entropy(each, batch.label).backward()
    official = {name: grad_of(parameter) for name, parameter in theirs.network.named_parameters()}
    expected = from_official_stgcn(official, ours.encoder.adjacency)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(grad_of(parameter), expected[name], rtol=1e-7, atol=1e-9)


def table_of(title: str, seconds: dict[str, float]) -> Table:
    """Seconds, and how many times the reference's speed."""
    table = Table(title, "CPU seconds", "times the reference")
    for name, each in seconds.items():
        table.add_row(name, f"{each:.3f}", f"{seconds['reference'] / each:.2f}")
    return table


def main() -> None:
    """Measure on one thread and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="checkout of ActCLR")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = random_batch(args.clips)
    check(args.reference, batch)
    sides = both(args.reference, batch, dropout=STGCNConfig().dropout)
    names = ("reference", "kineme")
    steps = medians(*map(train_step, sides), rounds=args.rounds)
    encodings = medians(*map(encoding, sides), rounds=args.rounds)
    Console().print(table_of(f"a step of {args.clips} clips", dict(zip(names, steps, strict=True))))
    Console().print(table_of(f"logits of {args.clips} clips", dict(zip(names, encodings, strict=True))))


if __name__ == "__main__":
    main()
