"""Several streams judge together: a weighted sum of their class scores (spec-contrastive §12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from kineme.errors import ConfigError, RunError
from kineme.evaluate.cache import FeatureCache, OnProgress, Weights
from kineme.evaluate.evaluate import announced_health, coordinate_control, probe_task
from kineme.evaluate.protocols import Candidates, Settings, protocols
from kineme.evaluate.result import Result, Scores
from kineme.evaluate.select import Selection, score
from kineme.evaluate.sides import Sides, labelled_sides
from kineme.evaluate.streams import stream_runs
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

VERSION = 1
WEIGHTS = {"joint": 0.6, "bone": 0.6, "motion": 0.4, "bone_motion": 0.4}
"""AimCLR's, stream by stream; none are published for ``bone_motion``, which has those of ``motion``. Other published
weights differ from dataset to dataset and split to split, as if tuned on the test clips."""
SHOWN = 3
NOTHING_TO_CHOOSE = "every stream has its default setting, and the weights are given"


@dataclass(frozen=True)
class ClassScores:
    """What a probe on one run says of test clips.

    Args:
        source: the run, for messages.
        split: whose test clips.
        classes: K names.
        ids: of Q clips, each once.
        values: (Q, K), the higher, the likelier.
    """

    source: str
    split: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    values: Tensor

    def of(self, ids: Sequence[str]) -> Tensor:
        """Values (Q, K) of clips in the order of their ids."""
        row = {clip: i for i, clip in enumerate(self.ids)}
        return self.values[[row[clip] for clip in ids]]


def fuse(parts: Sequence[ClassScores], weights: Sequence[float]) -> Tensor:
    """Weighted sum of class scores, clip by clip, in the order of the first part's ids: (Q, K) float64.

    Raises:
        RunError: parts of other splits, classes or clips than the first, with what differs.
    """
    first = parts[0]
    for other in parts[1:]:
        _require_equal(first, other)
    weighted = [weight * part.of(first.ids).double() for weight, part in zip(weights, parts, strict=True)]
    return torch.stack(weighted).sum(dim=0)


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
    """Measure several pretrained encoders by the sum of their class scores, and keep the result in the first's folder.

    A run that trained several streams stands for all of them. Each run has its own pooling, scaling and probe
    settings, in their default candidate. Beside the fused accuracy, ``extra`` holds that of every stream alone.

    Args:
        runs: what to fuse.
        store: labelled clips in the runs' layout.
        weights: one per stream, in their order; by stream as in `WEIGHTS` where None.
        protocol: "linear", "logreg" or "knn".
        split: who trains and who tests; the runs' own where None.
        seed: of augmented views and the probes.
        controls: fuse the untrained twins too, and measure coordinate 1-NN.
        device: where to compute.
        progress: told what is being done.

    Raises:
        ConfigError: fewer than two streams, weights that do not fit them, runs of different splits, no split, or a
            protocol without class scores.
        LayoutMismatchError: the store has other joints than a run.
        StoreError: no labels on one of the sides.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such protocol or split.
        RunError: a run has no weights.
    """
    streams = [stream for run in runs for stream in stream_runs(run)]
    names, weights = _names(streams), _weights(streams, weights)
    judge = protocols.get(protocol)()
    for stream in streams:
        store.require_layout(stream.layout)
    sides = labelled_sides(store, split or _common_split(streams), seed)
    caches = [
        FeatureCache(run, store, run.config.features, seed=seed, device=device, progress=progress) for run in streams
    ]
    terms = " + ".join(f"{weight:g} {name}" for weight, name in zip(weights, names, strict=True))
    label = f"{protocol}@{judge.version}: {terms}"

    def fused(which: Weights) -> Scores:
        parts = [class_scores(cache, sides, protocol, which) for cache in caches]
        return _scored(fuse(parts, weights), dict(zip(names, parts, strict=True)), sides, label)

    first = runs[0]
    result = Result(
        protocol=f"fusion-{protocol}@{VERSION}",
        run=" + ".join(str(run.path) for run in runs),
        recipe=first.config.recipe,
        method=first.config.method.name,
        store=str(store.path or "memory"),
        split=sides.split,
        seed=seed,
        train_seed=first.config.train.seed,
        features=first.config.features,
        probe=first.config.probe,
        knn=first.config.knn,
        classes=store.classes,
        counts=sides.counts,
        metrics=fused("trained"),
        untrained=fused("untrained") if controls else None,
        coordinate_1nn=coordinate_control(sides) if controls else None,
        chance=1 / len(store.classes),
        majority=sides.majority,
    )
    result.save(first.path, first.config.split)
    return result


def class_scores(cache: FeatureCache, sides: Sides, protocol: str, weights: Weights) -> ClassScores:
    """Scores of the test clips by a probe on one run, at the protocol's default setting.

    Raises:
        ConfigError: a protocol without class scores.
    """
    run = cache.run
    features = cache.features
    settings = Settings(run.config.probe, features.standardise, features.average, cache.seed, run.config.knn)
    task = probe_task(cache, sides, weights, settings)
    if weights == "trained":
        announced_health(task, run)
    values = protocols.get(protocol)().candidates(task).scores
    if values is None:
        raise ConfigError(f"{protocol} gives no class scores to add up; choose --protocol linear, logreg or knn")
    ids = tuple(sides.store.clips["id"][sides.test].tolist())
    return ClassScores(str(run.path), sides.split, sides.store.classes, ids, values)


def _scored(values: Tensor, parts: dict[str, ClassScores], sides: Sides, label: str) -> Scores:
    """Accuracy of the sum, and of each part by itself."""
    labels = sides.test_labels
    alone = {name: float((part.values.argmax(dim=1) == labels).double().mean()) for name, part in parts.items()}
    candidates = Candidates((label,), values.argmax(dim=1)[None], default=0)
    return score(Selection(candidates, None, NOTHING_TO_CHOOSE), labels, len(sides.store.classes), alone)


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


def _require_equal(first: ClassScores, other: ClassScores) -> None:
    """Check that two probes speak of the same classes of the same clips."""
    problems = [
        f"{what}: {mine} and {theirs}"
        for what, mine, theirs in (
            ("splits", first.split, other.split),
            ("classes", _only(first.classes, other.classes), _only(other.classes, first.classes)),
            ("clips", _only(first.ids, other.ids), _only(other.ids, first.ids)),
        )
        if mine != theirs
    ]
    if not problems and first.classes != other.classes:
        problems = ["classes: the same in another order"]
    if problems:
        raise RunError(
            f"{first.source} and {other.source} cannot be fused, they differ in {'; '.join(problems)}; evaluate both "
            f"on one store and one split"
        )


def _only(mine: Iterable[str], theirs: Iterable[str]) -> str:
    """Names that the other has not, the first few of them."""
    names = sorted(set(mine) - set(theirs))
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "") or "no others"
