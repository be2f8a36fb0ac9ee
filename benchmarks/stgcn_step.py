"""ST-GCN as the contrastive family has it, in supervised training and in inference, beside the authors' code.

The reference is ActCLR's, run as it is, dropout included. Both start from the same weights; before anything is timed,
logits and gradients are compared without dropout, in double precision.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.clips import CLASSES, random_batch
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.steps import Side, Step, assert_same, compare_steps
from benchmarks.timing import in_turns
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_stgcn import from_official_stgcn

WINDOW = 50


class Theirs(nn.Module):
    """The authors' network, and a batch in their order of axes."""

    def __init__(self, checkout: Path, batch: ClipBatch, dropout: float) -> None:
        super().__init__()
        config = STGCNConfig()
        with importing(checkout):
            from net.st_gcn import Model  # pyright: ignore[reportMissingImports]

            self.network = Model(
                in_channels=3,
                hidden_channels=config.hidden_channels,
                hidden_dim=config.width,
                num_class=CLASSES,
                dropout=dropout,
                graph_args={"layout": "ntu-rgb+d", "strategy": config.strategy},
                edge_importance_weighting=True,
            )
        self.x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()

    def forward(self) -> Tensor:
        (logits,) = self.network(self.x)
        return logits


class Ours(nn.Module):
    """The same in kineme; with the authors' weights where they are given."""

    def __init__(self, batch: ClipBatch, dropout: float, theirs: Theirs | None = None) -> None:
        super().__init__()
        self.encoder = STGCN(STGCNConfig(dropout=dropout), batch.layout, WINDOW)
        self.head = nn.ModuleDict({"linear": nn.Linear(self.encoder.width, CLASSES)})
        if theirs is not None:
            self.load_state_dict(from_official_stgcn(theirs.network.state_dict(), self.encoder.adjacency))
        self.batch = batch

    def forward(self) -> Tensor:
        return self.head["linear"](self.encoder.features(self.batch).mean(dim=(1, 2, 3)))


def both(checkout: Path, batch: ClipBatch, dropout: float) -> tuple[Theirs, Ours]:
    """The two networks with equal weights, in training mode."""
    theirs = Theirs(checkout, batch, dropout)
    return theirs, Ours(batch, dropout, theirs)


def side(network: Theirs | Ours, label: Tensor) -> Side:
    """With the gradient descent of the contrastive recipes."""
    learned = network.network if isinstance(network, Theirs) else network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    return Side(learned, lambda: F.cross_entropy(network(), label), optimizer)


def inference(network: Theirs | Ours) -> Step:
    """Logits in evaluation."""

    @torch.inference_mode()
    def run() -> Tensor:
        return network.eval()()

    return run


def check(checkout: Path, batch: ClipBatch) -> None:
    """Stop unless both have the same logits and the same gradients."""
    theirs, ours = both(checkout, batch.with_xyz(batch.xyz.double()), dropout=0.0)
    theirs.double()
    ours.double()
    torch.testing.assert_close(ours(), theirs(), rtol=1e-9, atol=1e-9)
    translate = partial(from_official_stgcn, adjacency=ours.encoder.adjacency)
    assert_same(side(theirs, batch.label), side(ours, batch.label), translate, loss=1e-9, gradients=1e-7)


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A training step, and logits of the same clips."""
    batch = random_batch(effort.clips, WINDOW)
    check(checkout, batch)
    theirs, ours = both(checkout, batch, dropout=STGCNConfig().dropout)
    steps = compare_steps(side(theirs, batch.label), side(ours, batch.label), effort.rounds)
    return steps, Result.of_seconds(*in_turns(inference(theirs), inference(ours), rounds=effort.rounds))


SUBJECT = Subject(
    goals=(
        Goal("ST-GCN training step, float32", 1.1, 1.2),
        Goal("ST-GCN inference, dataset mix", 1.25, 1.35),
    ),
    measure=measure,
    needs="actclr",
)
