"""The linear probe on cached features, beside encoding every clip anew in every epoch, as published code does.

The row of the table: ours is measured end to end. Training clips are encoded once per view that the recipe keeps, test
clips once, and the probe is trained, all of which is timed. The original is composed, as nobody can wait for it: what
the authors' encoder takes per clip is measured in the same rounds and multiplied by all that their script encodes,
which is every training and every test clip in each of 100 epochs. Their feeder and their head are left out.

    python -m benchmarks.probe --run RUN --store STORE [--seeds 3]

prints, as a Markdown table, the accuracies of both ways on a trained run: views that are cached, and a fresh one for
every epoch, under the same probe.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from torch import Generator, Tensor

from benchmarks.clips import random_store
from benchmarks.encode import their_encoder
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.timing import in_turns
from kineme.encoders import Encoder
from kineme.evaluate.bank import extract
from kineme.evaluate.protocols import Settings, Task
from kineme.evaluate.protocols.base import represent
from kineme.evaluate.protocols.linear import LinearProbe
from kineme.evaluate.sides import labelled_sides
from kineme.recipes.base import RunConfig, recipe_config
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from kineme.transforms import eval_pipeline

RECIPE = "mamp-ntu60-xsub"
TEST_SHARE = 16_487 / 40_091
"""Test clips per training clip in NTU RGB+D 60, cross-subject."""


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

    def cached(self) -> None:
        """Everything, with a cache."""
        self.accuracy(self.encode(self.train, self.config.features.views), self.queries(), seed=0)

    def accuracy(self, views: Tensor, queries: Tensor, seed: int) -> float:
        """Of the last epoch, where epoch e trains on view e modulo their number."""
        settings = Settings(self.config.probe, seed=seed)
        task = Task(views, self.labels[self.train], queries, len(self.store.classes), settings)
        predictions = LinearProbe().candidates(task).predictions[-1]
        return (predictions == self.labels[self.test]).double().mean().item()


def untrained_probe(config: RunConfig, num_train: int) -> Probe:
    """With untrained weights, on random clips that are divided as those of NTU RGB+D 60 are."""
    store = random_store(num_train + round(TEST_SHARE * num_train))
    encoder = build_method(config, store.layout, store.channels).encoder
    return Probe(config, encoder, store, *np.split(np.arange(len(store)), [num_train]))


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """The original composed, ours end to end."""
    probe, network = untrained_probe(recipe_config(RECIPE), 2 * effort.clips), their_encoder(checkout)
    batch = eval_pipeline(probe.config.prepare)(probe.store.gather(probe.test), Generator())
    x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()

    @torch.inference_mode()
    def encode_tests() -> Tensor:
        return network(x)

    theirs, ours = in_turns(encode_tests, probe.cached, rounds=effort.rounds)
    encodes = probe.config.probe.epochs * len(probe.store) / len(probe.test)
    return (Result.of_seconds([encodes * each for each in theirs], ours),)


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
    """Measure accuracies on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a trained run")
    parser.add_argument("--store", type=Path, required=True, help="what it was trained on")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print_accuracies(RunDir.open(args.run), SkeletonStore.open(args.store), range(args.seeds))


SUBJECT = Subject(
    goals=(Goal("linear probe, 5 cached views, end to end; original composed", 100, 200),),
    measure=measure,
    needs="mamp",
)

if __name__ == "__main__":
    main()
