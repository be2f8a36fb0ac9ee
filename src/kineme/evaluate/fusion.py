"""Several streams judge together: a weighted sum of their class scores (spec-contrastive §12, spec-danet §2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch

from kineme.errors import ConfigError
from kineme.evaluate import classifier
from kineme.evaluate.cache import FeatureCache, OnProgress, Weights
from kineme.evaluate.class_scores import ClassScores, fuse
from kineme.evaluate.evaluate import announced_health, coordinate_control, probe_task
from kineme.evaluate.predictions import save_predictions
from kineme.evaluate.protocols import Candidates, protocols
from kineme.evaluate.result import Result, Scores
from kineme.evaluate.seen import count_seen
from kineme.evaluate.select import Selection, score
from kineme.evaluate.sides import Sides, labelled_sides, result_on
from kineme.evaluate.streams import stream_runs
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

VERSION = 2
WEIGHTS = {"joint": 0.6, "bone": 0.6, "motion": 0.4, "bone_motion": 0.4}
"""AimCLR's, stream by stream, and with ``bone_motion`` those of RSA-Net, by DANet's authors. Other published weights
differ from dataset to dataset and split to split, as if tuned on the test clips."""
NOTHING_TO_CHOOSE = "every stream has its default setting, and the weights are given"


def evaluate_fusion(
    runs: Sequence[RunDir],
    store: SkeletonStore,
    *,
    weights: Sequence[float] | None = None,
    protocol: str = "linear",
    split: str | None = None,
    seed: int = 0,
    controls: bool = True,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> Result:
    """Measure several runs by the sum of their class scores, and keep the result in the first's folder.

    A run that trained several streams stands for all of them. Each pretrained run has its own pooling, scaling and
    probe settings, in their default candidate; a trained classifier speaks by its own head, in logarithms of
    probabilities. Beside the fused accuracy, ``extra`` holds that of every stream alone.

    Args:
        runs: what to fuse.
        store: labelled clips in the runs' layout.
        weights: one per stream, in their order; by stream as in `WEIGHTS` where None.
        protocol: "linear", "logreg", "common" or "knn", or "classify" for trained classifiers.
        split: who trains and who tests; the runs' own where None.
        seed: of augmented views and the probes.
        controls: fuse the untrained twins of pretrained runs too, and measure coordinate 1-NN.
        device: where to compute.
        progress: told what is being done.

    Raises:
        ConfigError: fewer than two streams, weights that do not fit them, runs of different splits, no split, or a
            protocol without class scores.
        LayoutMismatchError: the store has other joints than a run.
        StoreError: no labels on one of the sides.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such protocol or split.
        RunError: a run has no weights; with "classify", it is no classifier, knows other classes, or was trained on
            some of the clips.
    """
    streams = [stream for run in runs for stream in stream_runs(run)]
    weights = _weights(streams, weights)
    version = classifier.VERSION if protocol == classifier.NAME else protocols.get(protocol).version
    for stream in streams:
        store.require_layout(stream.layout)
    sides = labelled_sides(store, split or _common_split(streams), seed)
    seen = count_seen(sides, *runs)
    caches = [
        FeatureCache(run, store, run.config.features, seed=seed, device=device, progress=progress) for run in streams
    ]
    panel = _Panel(caches, weights, protocol, version, sides)
    metrics, candidates = panel.judged("trained")
    first, twins = runs[0], controls and not panel.by_heads
    config = first.config
    frozen = {} if panel.by_heads else {"features": config.features, "probe": config.probe, "knn": config.knn}
    result = result_on(
        sides,
        " + ".join(str(run.path) for run in runs),
        config,
        protocol=f"fusion-{protocol}@{VERSION}",
        seed=seed,
        **frozen,
        metrics=metrics,
        untrained=panel.judged("untrained")[0] if twins else None,
        coordinate_1nn=coordinate_control(sides) if controls else None,
        seen=seen,
    )
    save_predictions(result.save(first.path, config.split), sides, candidates)
    return result


@dataclass(frozen=True)
class _Panel:
    """Streams that judge the test clips together.

    Args:
        caches: of their features.
        weights: one per stream.
        protocol, version: by which each of them is measured.
        sides: who trains and who tests.
    """

    caches: Sequence[FeatureCache]
    weights: Sequence[float]
    protocol: str
    version: int
    sides: Sides

    @property
    def by_heads(self) -> bool:
        """Whether every stream is a trained classifier and speaks for itself."""
        return self.protocol == classifier.NAME

    def judged(self, which: Weights) -> tuple[Scores, Candidates]:
        """Accuracy of the sum, and of each stream by itself."""
        parts = [self.scores_of(cache, which) for cache in self.caches]
        values, labels = fuse(parts, self.weights), self.sides.test_labels
        names = _names([cache.run for cache in self.caches])
        right = [float((part.values.argmax(dim=1) == labels).double().mean()) for part in parts]
        candidates = Candidates((self.label(names),), values.argmax(dim=1)[None], default=0, scores=values)
        selection, alone = Selection(candidates, None, NOTHING_TO_CHOOSE), dict(zip(names, right, strict=True))
        return score(selection, labels, len(self.sides.store.classes), alone), candidates

    def scores_of(self, cache: FeatureCache, which: Weights) -> ClassScores:
        """What one stream says of the test clips."""
        if not self.by_heads:
            return class_scores(cache, self.sides, self.protocol, which)
        run = cache.run
        return classifier.head_scores(
            run, self.sides, run.config.classify, device=cache.device, progress=cache.progress
        )

    def label(self, names: Sequence[str]) -> str:
        """What was done, in a line."""
        terms = " + ".join(f"{weight:g} {name}" for weight, name in zip(self.weights, names, strict=True))
        return f"{self.protocol}@{self.version}: {terms}"


def class_scores(cache: FeatureCache, sides: Sides, protocol: str, weights: Weights) -> ClassScores:
    """Scores of the test clips by a probe on one run, at the protocol's default setting.

    Raises:
        ConfigError: a protocol without class scores.
    """
    run = cache.run
    task = probe_task(cache, sides, weights)
    if weights == "trained":
        announced_health(task, run)
    values = protocols.get(protocol)().candidates(task).scores
    if values is None:
        raise ConfigError(
            f"{protocol} gives no class scores to add up; choose --protocol linear, logreg, common or knn"
        )
    ids = tuple(sides.store.clips["id"][sides.test].tolist())
    return ClassScores(str(run.path), sides.split, sides.store.classes, ids, values)


def _names(runs: Sequence[RunDir]) -> list[str]:
    """Streams, or the runs' folders where a stream comes twice."""
    streams = [run.config.prepare.stream for run in runs]
    return streams if len(set(streams)) == len(streams) else [str(run.path) for run in runs]


def _weights(runs: Sequence[RunDir], weights: Sequence[float] | None) -> list[float]:
    if len(runs) < 2:
        raise ConfigError("there is nothing to fuse in one stream; give several runs, or one of a method of several")
    if weights is None:
        return [WEIGHTS[run.config.prepare.stream] for run in runs]
    if len(weights) != len(runs):
        given = ", ".join(f"{run.path} ({run.config.prepare.stream})" for run in runs)
        raise ConfigError(f"expected {len(runs)} weights, found {len(weights)}; one for each of {given}")
    if not any(weights) or not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise ConfigError(f"expected weights from 0, not all of them 0; found {', '.join(map(str, weights))}")
    return list(weights)


def _common_split(runs: Sequence[RunDir]) -> str | None:
    """The split that all runs name."""
    if len({run.config.split for run in runs}) > 1:
        found = ", ".join(f"{run.path} {run.config.split or 'all clips'}" for run in runs)
        raise ConfigError(f"runs of different splits: {found}; fuse runs of one split, or name it: --split NAME")
    return runs[0].config.split
