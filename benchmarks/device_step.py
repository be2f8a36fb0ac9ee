"""A training step of MAMP at the size it has on NTU RGB+D (8 + 5 layers) on a GPU, and what a pretraining would take.

    python -m benchmarks.device_step [--mamp CHECKOUT] [--clips 128] [--accelerator cuda]

The authors' code runs as shipped, in float32, and with TF32 allowed; ours in bfloat16, on all bodies and on those that
are there. All have the same weights and the same batch; medians of wall time. ``of peak`` is beside the fastest product
of two matrices in the same precision, measured just before.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.clips import random_batch
from benchmarks.gates import gigaflops
from benchmarks.masked_step import WINDOW, our_side, their_side
from benchmarks.rows import REPOSITORIES
from benchmarks.steps import Side
from kineme.clips import ClipBatch
from kineme.train.compute import device_name
from kineme.train.matrix_peak import matrix_peak

CLIPS, EPOCHS = 40_091, 400
"""Training clips of NTU RGB+D 60, cross-subject, and epochs of the published pretraining."""
Context = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Variant:
    """A way to run the step.

    Args:
        name: what it is called.
        side: network, loss and optimiser.
        context: of the step.
        dtype: of its products.
    """

    name: str
    side: Side
    context: Context = nullcontext
    dtype: torch.dtype = torch.float32


@contextmanager
def tf32() -> Iterator[None]:
    """Products of float32 in TF32."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = before


def variants(checkout: Path | None, batch: ClipBatch) -> Iterator[Variant]:
    """All ways, on the device of the batch."""
    device = batch.xyz.device
    weights = None
    if checkout is not None:
        theirs = their_side(checkout, batch)
        weights = theirs.network.state_dict()
        theirs.network.to(device)
        yield Variant("the authors' code, float32", theirs)
        yield Variant("the authors' code, TF32", theirs, tf32)
    for name, bodies in (("kineme, bfloat16", "all"), ("kineme, bfloat16, real bodies", "real")):
        ours = our_side(batch, weights, bodies=bodies)
        ours.network.to(device)
        yield Variant(name, ours, lambda: torch.autocast(device.type, torch.bfloat16), torch.bfloat16)


def seconds(variant: Variant, device: torch.device, rounds: int) -> float:
    """Median wall time of a step, after two that do not count."""
    step, times = variant.side.step(variant.context), []
    for _ in range(rounds + 2):
        began = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return median(times[2:])


def on(batch: ClipBatch, device: torch.device) -> ClipBatch:
    """A batch on a device."""
    tensors = ("xyz", "present", "length", "index", "label")
    return replace(batch, **{name: getattr(batch, name).to(device) for name in tensors})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mamp", type=Path, metavar="CHECKOUT", help=REPOSITORIES["mamp"])
    parser.add_argument("--clips", type=int, default=128, help="per step")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--accelerator", default="cuda")
    args = parser.parse_args()
    device = torch.device(args.accelerator)
    torch.manual_seed(0)
    batch = on(random_batch(args.clips, WINDOW), device)
    table = Table("what", "ms a step", "clips/s", "times", "GFLOP/clip", "of peak", "GB", f"{EPOCHS} epochs, h")
    first = None
    for variant in variants(args.mamp, batch):
        flops = 1e9 * gigaflops(lambda variant=variant: variant.side.loss().backward(), args.clips)
        variant.side.network.zero_grad()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        took = seconds(variant, device, args.rounds)
        memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else float("nan")
        rate = args.clips / took
        first = first or took
        with variant.context():
            share = flops * rate / matrix_peak(device, variant.dtype)
        figures = (f"{1e3 * took:.0f}", f"{rate:,.0f}", f"{first / took:.2f}", f"{flops / 1e9:.1f}", f"{share:.0%}")
        table.add_row(variant.name, *figures, f"{memory:.1f}", f"{EPOCHS * CLIPS / rate / 3600:.1f}")
    Console().print(f"{device_name(device)}, {args.clips} clips a step")
    Console().print(table)


if __name__ == "__main__":
    main()
