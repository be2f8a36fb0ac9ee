"""One training step of AgRNet with each of its modules switched off in turn, on clips of 50 to 2,000 frames.

    python -m benchmarks.agrnet_step [--recipe agrnet-compact] [--clips 4] [--rounds 5] [--frames 50 200 500 1000 2000]

The paper's timing logs compare networks with and without AAGA and ADGA; this is the same comparison, and PFM besides.
A step is loss, gradients and optimiser, by itself: clips are given. Prints a Markdown table.
"""

import argparse
from collections.abc import Callable, Sequence

import torch
from torch import Generator

from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.methods import Progress, StepInput
from kineme.recipes.base import RunConfig, recipe_config
from kineme.train.build import build_method
from kineme.train.optim import build_optimizer

LAYOUT = Layout.get("kinect25")
START = Progress(step=0, epoch=0.0, epochs=1)
VARIANTS: dict[str, dict[str, bool]] = {
    "all modules": {},
    "without AAGA": {"aaga": False},
    "without ADGA": {"adga": False},
    "without both": {"aaga": False, "adga": False},
    "without PFM": {"pfm": False},
}


def random_batch(num_clips: int, frames: int) -> ClipBatch:
    """Wandering bodies, one per clip."""
    generator = Generator().manual_seed(0)
    xyz = 0.01 * torch.randn(num_clips, 1, frames, LAYOUT.num_joints, 3, generator=generator).cumsum(dim=2)
    clips, present = torch.arange(num_clips), torch.ones(num_clips, 1, frames, dtype=torch.bool)
    return ClipBatch(xyz, present, torch.full_like(clips, frames), clips, clips, LAYOUT)


def train_step(config: RunConfig, batch: ClipBatch) -> Callable[[], None]:
    """Forward, backward and optimiser step of a freshly built method."""
    method = build_method(config, batch.layout, batch.xyz.shape[-1]).train()
    optimizer = build_optimizer(method, config.train)
    generator = Generator().manual_seed(0)

    def run() -> None:
        method(StepInput([batch], generator, START)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def measure(config: RunConfig, num_clips: int, frames: int, rounds: int) -> Sequence[float]:
    """CPU seconds of every variant's step, all in turn."""
    batch = random_batch(num_clips, frames)
    prepare = config.prepare.with_changes(window=frames)
    variants = [config.encoder.with_changes(**switches) for switches in VARIANTS.values()]
    steps = [train_step(config.with_changes(encoder=encoder, prepare=prepare), batch) for encoder in variants]
    return medians(*steps, rounds=rounds)


def row(frames: int, seconds: Sequence[float]) -> str:
    """Milliseconds of every variant, and how much more or less than with all modules."""
    whole, *others = seconds
    changes = [f"{each * 1e3:.0f} ({each / whole - 1:+.0%})" for each in others]
    return f"| {' | '.join([str(frames), f'{whole * 1e3:.0f}', *changes])} |"


def main() -> None:
    """Measure on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="agrnet-compact")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, nargs="+", default=[50, 200, 500, 1000, 2000])
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = recipe_config(args.recipe)
    print(f"CPU milliseconds of a step of {args.clips} clips, {args.recipe}\n")
    print(f"| frames | {' | '.join(VARIANTS)} |")
    print("| ---: " * (1 + len(VARIANTS)) + "|")
    for frames in args.frames:
        print(row(frames, measure(config, args.clips, frames, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
