"""One training step of SkeletonCLR and of ActCLR beside the authors' code, in float32 and under bfloat16 autocast.

    python -m benchmarks.contrastive_step --reference CHECKOUT [--clips 16] [--rounds 7]

The reference is a checkout of ActCLR (https://github.com/LanglandsLin/ActCLR), which holds a SkeletonCLR in its folder
AimCLR. Neither file is touched, but they do not run everywhere as they are, and what is timed differs in this:

* Projectors are linear layers. As 1x1 convolutions, which they later became, ActCLR's maps are rounding noise and
  SkeletonCLR does not run.
* SkeletonCLR encodes with the ST-GCN of ActCLR; the one beside it needs another library. Its keys go into the queue
  without asking for the number of a GPU.
* ``cuda()`` is the identity, and a group of one process answers where ActCLR gathers from all.

Sizes are those of the published recipes: queues of 32,768 and 65,536 keys. Views are given. Both sides start from the
same weights; before anything is timed, loss, gradients and what a step leaves behind are compared for the same draws
without dropout, in double precision. A quarter of the clips show two people, the others one, and the second body is
zero in them.
"""

import argparse
import importlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table
from torch import Generator, Tensor, distributed, nn
from torch.nn import functional as F

from benchmarks.clips import KINECT, random_batch
from benchmarks.originals import importing, load
from benchmarks.rows import table_of_seconds
from benchmarks.steps import START, Step, grad_of
from benchmarks.stgcn_step import WINDOW
from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.infer.official_moco import from_official_moco
from kineme.methods.actclr import ActCLR, ActCLRConfig
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast
from kineme.methods.skeletonclr import SkeletonCLR, SkeletonCLRConfig
from kineme.nn.actionlet import part_map
from kineme.recipes.contrastive import contrastive_training
from kineme.train.optim import build_optimizer
from kineme.transforms.base import NO_DRAWS, Draws

CHECKED = 8
"""Clips that losses and gradients are compared on."""
SEEDS = (0, 2, 15)
"""What they are compared for: with these, each mix of ActCLR is once of each kind."""

Context = Callable[[], AbstractContextManager[object]]


class LinearHead(nn.Sequential):
    """The authors' projector with linear layers, for features (B, D, 1, 1)."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, features))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))


class Theirs:
    """The authors' networks, and views in their order of axes."""

    def __init__(self, network: nn.Module, config: MomentumConfig, views: Sequence[ClipBatch]) -> None:
        self.network: Any = network.train()
        width = STGCNConfig().width
        query, key = LinearHead(width, config.features), LinearHead(width, config.features).requires_grad_(False)
        key.load_state_dict(query.state_dict())
        self.network.encoder_q.fc, self.network.encoder_k.fc = query, key
        self.views = [view.xyz.permute(0, 4, 2, 3, 1).contiguous() for view in views]
        learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(learned, lr=0.1, momentum=0.9, weight_decay=1e-4)

    def loss(self) -> Tensor:
        raise NotImplementedError


class TheirSkeletonCLR(Theirs):
    """Their SkeletonCLR around ActCLR's encoder, which returns a list of one."""

    def __init__(self, checkout: Path, config: MomentumConfig, views: Sequence[ClipBatch], dropout: float) -> None:
        network = authors_module(checkout, "AimCLR/net/skeletonclr.py").SkeletonCLR(**arguments(config, dropout))
        super().__init__(network, config, views)
        for encoder in (self.network.encoder_q, self.network.encoder_k):
            encoder.register_forward_hook(lambda module, args, output: output[0])
        self.network._dequeue_and_enqueue = partial(enqueue, self.network)

    def loss(self) -> Tensor:
        logits, labels = self.network(*self.views)
        self.network.update_ptr(len(labels))
        return F.cross_entropy(logits, labels)


class TheirActCLR(Theirs):
    """Their ActCLR."""

    def __init__(self, checkout: Path, config: MomentumConfig, views: Sequence[ClipBatch], dropout: float) -> None:
        super().__init__(authors_module(checkout, "net/actclr.py").actclr(**arguments(config, dropout)), config, views)

    def loss(self) -> Tensor:
        strong, normal, plain, key = self.views
        return self.network(strong, normal, plain.clone(), key, epoch=1)  # it overwrites the plain view


class Ours:
    """The same in kineme, with the same weights."""

    def __init__(self, kind: type[MomentumContrast], theirs: Theirs, config: MomentumConfig, dropout: float) -> None:
        encoder = STGCN(STGCNConfig(dropout=dropout), KINECT, WINDOW)
        self.network = kind(config, encoder)
        self.network.load_state_dict(from_official_moco(theirs.network.state_dict(), encoder.adjacency))
        self.views = [clips_of(view) for view in theirs.views]
        self.generator = Generator().manual_seed(0)
        self.optimizer = build_optimizer(self.network, contrastive_training())

    def loss(self, draws: Draws | None = None) -> Tensor:
        drawn = self.network.sample(self.views, self.generator) if draws is None else draws
        return self.network.step(self.views, drawn, START).loss


class Contest:
    """One method on both sides.

    Args:
        checkout: the authors' code.
        kind, config: the method in kineme.
        theirs: the authors'.
        drawn: the draws of kineme's step that the authors' code makes for so many clips.
    """

    def __init__(
        self,
        checkout: Path,
        kind: type[MomentumContrast],
        config: MomentumConfig,
        theirs: Callable[[Path, MomentumConfig, Sequence[ClipBatch], float], Theirs],
        drawn: Callable[[int], Draws],
    ) -> None:
        self.checkout, self.kind, self.config, self.theirs, self.drawn = checkout, kind, config, theirs, drawn

    def sides(self, num_clips: int, dropout: float, dtype: torch.dtype = torch.float32) -> tuple[Theirs, Ours]:
        """Both with equal weights and views, in training."""
        batches = [random_batch(num_clips, WINDOW, stride=0.1) for _ in range(self.kind.num_views)]
        views = [batch.with_xyz(batch.xyz.to(dtype)) for batch in batches]
        theirs = self.theirs(self.checkout, self.config, views, dropout)
        ours = Ours(self.kind, theirs, self.config, dropout)
        theirs.network.to(dtype)
        ours.network.to(dtype)
        return theirs, ours

    def check(self, seed: int) -> None:
        """Stop unless both have the same loss, gradients, keys and statistics for the same draws."""
        seed_both(seed)
        theirs, ours = self.sides(CHECKED, dropout=0.0, dtype=torch.float64)
        seed_both(seed)
        expected = theirs.loss()
        seed_both(seed)
        # Maps are float32 in the authors' ActCLR, whose gradients show the difference.
        with patch("kineme.methods.actclr.part_map", lambda *given: part_map(*given).float()):
            loss = ours.loss(self.drawn(CHECKED))
        assert_close("loss", loss, expected)
        theirs.optimizer.zero_grad()  # their maps leave gradients behind
        expected.backward()
        loss.backward()
        adjacency = ours.network.get_submodule("encoder").get_buffer("adjacency")
        learned = theirs.network.encoder_q.named_parameters(prefix="encoder_q")
        gradients = from_official_moco({name: grad_of(parameter) for name, parameter in learned}, adjacency)
        for name, gradient in gradients.items():
            # Mined keys end somewhere; where two are as similar there, rounding chooses, and gradients show which.
            assert_close(name, grad_of(ours.network.get_parameter(name)), gradient, tolerance=1e-3)
        state = ours.network.state_dict()
        for name, value in from_official_moco(theirs.network.state_dict(), adjacency).items():
            assert_close(name, state[name].double(), value.double())

    def seconds(self, num_clips: int, rounds: int) -> dict[str, float]:
        """CPU seconds of a step, by side and precision."""
        theirs, ours = self.sides(num_clips, dropout=STGCNConfig().dropout)
        bfloat16 = partial(torch.autocast, "cpu", torch.bfloat16)
        steps = {
            "reference": train_step(theirs),
            "reference, bfloat16": train_step(theirs, bfloat16),
            "kineme": train_step(ours),
            "kineme, bfloat16": train_step(ours, bfloat16),
        }
        return dict(zip(steps, medians(*steps.values(), rounds=rounds), strict=True))


def contests(checkout: Path) -> dict[str, Contest]:
    """What is measured."""
    return {
        "SkeletonCLR": Contest(
            checkout, SkeletonCLR, SkeletonCLRConfig(), TheirSkeletonCLR, lambda num_clips: NO_DRAWS
        ),
        "ActCLR": Contest(checkout, ActCLR, ActCLRConfig(), TheirActCLR, actclr_draws),
    }


def authors_module(checkout: Path, path: str) -> Any:
    """A file of the authors', which asks for classes that it is given."""
    stub: Any = SimpleNamespace(import_class=lambda given: given)
    with patch.dict(sys.modules, {"torchlight": stub, "torchlight.torchlight": stub}):
        return load(checkout / path, Path(path).stem)


def arguments(config: MomentumConfig, dropout: float) -> dict[str, object]:
    """Their settings that are the same as ours."""
    sizes = STGCNConfig()
    return {
        "base_encoder": importlib.import_module("net.st_gcn").Model,
        "feature_dim": config.features,
        "queue_size": config.queue_size,
        "momentum": config.momentum,
        "Temperature": config.temperature,
        "hidden_channels": sizes.hidden_channels,
        "hidden_dim": sizes.width,
        "dropout": dropout,
        "graph_args": {"layout": "ntu-rgb+d", "strategy": sizes.strategy},
    }


@torch.no_grad()
def enqueue(network: Any, keys: Tensor) -> None:
    """Put keys (B, D') into a queue of theirs, whose pointer moves later."""
    place = int(network.queue_ptr)
    network.queue[:, place : place + len(keys)] = keys.T


def clips_of(view: Tensor) -> ClipBatch:
    """Clips of a view in the authors' order of axes, (B, C, T, V, M)."""
    xyz = view.permute(0, 4, 2, 3, 1).contiguous()
    clips = torch.arange(len(xyz))
    return ClipBatch(xyz, xyz.any(dim=-1).any(dim=-1), torch.full_like(clips, WINDOW), clips, clips, KINECT)


def seed_both(seed: int) -> None:
    """Start the generators that the authors draw from."""
    random.seed(seed)
    torch.manual_seed(seed)


def actclr_draws(num_clips: int) -> Draws:
    """What the authors' ActCLR draws, in the same order from the same generators."""
    torch.randperm(num_clips)  # the order in which they encode keys
    drawn = {"adain": {"shift": shift(num_clips)}, "wide": mix_draws(num_clips), "last": mix_draws(num_clips)}
    return {f"{name}.{key}": value for name, draws in drawn.items() for key, value in draws.items()}


def mix_draws(num_clips: int) -> Draws:
    """One mix in the first epochs."""
    move = shift(num_clips)
    body_parts = importlib.import_module("net.st_gcn").body_parts
    chosen = [set(part) for part in random.sample(body_parts, random.randint(2, 3))]
    chunks = random.randint(3, 5)
    start, branch = random.randint(0, WINDOW // 4 - chunks), random.random()
    weight = random.random() if branch <= 0.25 else 0.0
    return {
        "shift": move,
        "parts": torch.tensor([set(joints) in chosen for joints in KINECT.part_indices.values()]),
        "chunks": torch.tensor(chunks),
        "start": torch.tensor(start),
        "branch": torch.tensor(branch, dtype=torch.float64),
        "weight": torch.tensor(weight, dtype=torch.float64),
    }


def shift(num_clips: int) -> Tensor:
    """How far on each clip's partner is, ()."""
    return torch.randint(1, num_clips - 1, ())


def assert_close(name: str, ours: Tensor, expected: Tensor, tolerance: float = 1e-6) -> None:
    """Stop where two tensors differ; those of nothing but noise, as gradients of what a batch norm takes out, may."""
    difference, size = (ours - expected).norm(), expected.norm()
    assert difference <= tolerance * size + 1e-12, f"{name}: differs by {difference:.1e} of {size:.1e}"


def train_step(side: Theirs | Ours, context: Context = nullcontext) -> Step:
    """Forward, backward and the SGD step; the forward pass in a context."""

    def run() -> None:
        with context():
            loss = side.loss()
        side.optimizer.zero_grad()
        loss.backward()
        side.optimizer.step()

    return run


@contextmanager
def group_of_one() -> Iterator[None]:
    """A process group that this process has to itself."""
    with TemporaryDirectory() as folder:
        distributed.init_process_group("gloo", init_method=f"file://{folder}/group", rank=0, world_size=1)
        yield
        distributed.destroy_process_group()


def measured(name: str, contest: Contest, args: argparse.Namespace) -> Table:
    """A method's step, after the checks."""
    for seed in SEEDS:
        contest.check(seed)
    return table_of_seconds(f"a step of {name}, {args.clips} clips", contest.seconds(args.clips, args.rounds))


def main() -> None:
    """Measure on one thread and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="checkout of ActCLR")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with patch.object(Tensor, "cuda", lambda tensor: tensor), group_of_one(), importing(args.reference):
        tables = [measured(name, contest, args) for name, contest in contests(args.reference).items()]
    for table in tables:
        Console().print(table)


if __name__ == "__main__":
    main()
