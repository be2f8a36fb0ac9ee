"""The linear probe on cached features, beside encoding every clip anew in every epoch, as published code does.

    python -m benchmarks.probe [--recipe mamp-ntu60-xsub] [--clips 32] [--queries 16] [--rounds 2]
    python -m benchmarks.probe --run RUN --store STORE [--seeds 3]

The first way measures time, on bodies that wander, with untrained weights. Cached: training clips are encoded once per
view that the recipe keeps, test clips once, and then the probe is trained, all of which is timed. Anew: one epoch's
encoding of training and test clips is timed and multiplied by the number of epochs; what the probe itself takes is left
out there. Both run our encoder; the authors' are slower, which this comparison leaves aside.

The second way measures the accuracies of both on a trained run: views that are cached, and a fresh one for every epoch,
under the same probe. Prints Markdown tables.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import torch
from torch import Tensor

from kineme.encoders import Encoder
from kineme.evaluate.bank import extract
from kineme.evaluate.protocols import Settings, Task
from kineme.evaluate.protocols.base import represent
from kineme.evaluate.protocols.linear import LinearProbe
from kineme.evaluate.sides import labelled_sides
from kineme.layout import Layout
from kineme.recipes.base import RunConfig, recipe_config
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

LAYOUT = Layout.get("kinect25")
FRAMES = 84
"""Mean length of a clip of NTU RGB+D, about."""
TWO_PEOPLE = 5
"""One in so many clips shows two people, as in NTU RGB+D, about."""
CLASSES = 60


def wandering(num_clips: int) -> SkeletonStore:
    """Clips of all classes in turn."""
    rng = np.random.default_rng(0)
    bodies = [2 if i % TWO_PEOPLE == 0 else 1 for i in range(num_clips)]
    clips = [0.02 * rng.normal(size=(each, FRAMES, LAYOUT.num_joints, 3)).cumsum(axis=1) for each in bodies]
    labels = [i % CLASSES for i in range(num_clips)]
    return SkeletonStore.from_arrays(clips, LAYOUT, labels=labels, classes=[f"class {k}" for k in range(CLASSES)])


class Probe:
    """An encoder and a recipe's probe, trained and tested on clips of a store."""

    def __init__(
        self, config: RunConfig, encoder: Encoder, store: SkeletonStore, train: np.ndarray, test: np.ndarray
    ) -> None:
        self.config, self.encoder, self.store, self.train, self.test = config, encoder, store, train, test
        self.labels = torch.from_numpy(store.labels.astype(np.int64))

    def encode(self, clips: np.ndarray, views: int = 1, seed: int = 0) -> Tensor:
        """Features (W, N, D) of clips (N,); views after the first are augmented."""
        prepare, features, augment = self.config.prepare, self.config.features, self.config.mildest
        return extract(self.encoder, self.store, clips, prepare, features, augment=augment, views=views, seed=seed)

    def queries(self) -> Tensor:
        """Features (Q, D) of the test clips."""
        features = self.config.features
        return represent(self.encode(self.test, features.views if features.average else 1), features.average)

    def encode_an_epoch(self) -> None:
        """What an epoch without a cache encodes."""
        self.encode(self.train)
        self.encode(self.test)

    def cached(self) -> None:
        """Everything, with a cache."""
        self.accuracy(self.encode(self.train, self.config.features.views), self.queries(), seed=0)

    def accuracy(self, views: Tensor, queries: Tensor, seed: int) -> float:
        """Of the last epoch, where epoch e trains on view e modulo their number."""
        settings = Settings(self.config.probe, seed=seed)
        task = Task(views, self.labels[self.train], queries, len(self.store.classes), settings)
        predictions = LinearProbe().candidates(task).predictions[-1]
        return (predictions == self.labels[self.test]).double().mean().item()


def seconds(candidate: Callable[[], None]) -> tuple[float, float]:
    """CPU and wall time."""
    cpu, wall = time.process_time(), time.perf_counter()
    candidate()
    return time.process_time() - cpu, time.perf_counter() - wall


def print_times(config: RunConfig, num_train: int, num_test: int, rounds: int) -> None:
    """Both ways in turn."""
    store = wandering(num_train + num_test)
    train, test = np.split(np.arange(len(store)), [num_train])
    probe = Probe(config, build_method(config, LAYOUT, store.channels).encoder, store, train, test)
    probe.encode(test[:2])  # nothing is allocated or tried for the first time any more
    pairs = [(seconds(probe.encode_an_epoch), seconds(probe.cached)) for _ in range(rounds)]
    epochs, views = config.probe.epochs, config.features.views
    print(f"{num_train} training and {num_test} test clips, {epochs} epochs, {views} cached views, one thread\n")
    print("| time | one epoch's encoding, s | anew in every epoch, s | cached, s | ratio |\n|" + " --- |" * 5)
    for name, kind in (("CPU", 0), ("wall", 1)):
        epoch, cached = (median(pair[way][kind] for pair in pairs) for way in (0, 1))
        ratio = median(epochs * pair[0][kind] / pair[1][kind] for pair in pairs)
        print(f"| {name} | {epoch:.1f} | {epochs * epoch:,.0f} | {cached:.1f} | {ratio:.1f} |")


def print_accuracies(run: RunDir, store: SkeletonStore, seeds: Sequence[int]) -> None:
    """Both ways with views and probes of several seeds."""
    config, sides = run.config, labelled_sides(store, run.config.split, seed=0)
    probe = Probe(config, run.load_method().encoder, store, sides.train, sides.test)
    epochs, kept = config.probe.epochs, config.features.views
    queries = probe.queries()
    cached, anew = [], []
    for seed in seeds:
        views = probe.encode(probe.train, 1 + epochs, seed)
        cached.append(100 * probe.accuracy(views[:kept], queries, seed))
        anew.append(100 * probe.accuracy(views[1:], queries, seed))
    print(f"| {run.path.name}, {len(seeds)} seeds | accuracy % | standard deviation |\n|" + " --- |" * 3)
    for name, values in ((f"{kept} cached views", cached), (f"a fresh view in each of {epochs} epochs", anew)):
        print(f"| {name} | {mean(values):.1f} | {stdev(values):.1f} |")


def main() -> None:
    """Measure on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mamp-ntu60-xsub")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--queries", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--run", type=Path, help="folder of a trained run")
    parser.add_argument("--store", type=Path, help="what it was trained on")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.run is None:
        print_times(recipe_config(args.recipe), args.clips, args.queries, args.rounds)
    else:
        print_accuracies(RunDir.open(args.run), SkeletonStore.open(args.store), range(args.seeds))


if __name__ == "__main__":
    main()
