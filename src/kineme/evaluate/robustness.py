"""How accuracy falls when test clips are corrupted: a curve for each kind of corruption, and one mean figure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, product
from statistics import fmean

import torch
from torch import Tensor

from kineme.clip_source import resident
from kineme.config import Config
from kineme.errors import ConfigError
from kineme.evaluate.bank import extract
from kineme.evaluate.cache import FeatureCache, OnProgress
from kineme.evaluate.classifier import NAME as CLASSIFY
from kineme.evaluate.classifier import VERSION, head_scores
from kineme.evaluate.classify import predict
from kineme.evaluate.config import ClassifyConfig
from kineme.evaluate.evaluate import probe_task
from kineme.evaluate.protocols import protocols, represent
from kineme.evaluate.result import Estimate, Measured, Share
from kineme.evaluate.select import estimate
from kineme.evaluate.sides import Sides, labelled_sides, measured_on
from kineme.methods import Classifier
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir
from kineme.transforms.corruptions import CORRUPTIONS, SEVERITIES, Corruption, get_corruption

NAME = "robustness"


class Curve(Config):
    """Accuracy under one corruption."""

    corruption: str
    severities: tuple[int, ...]
    levels: tuple[float, ...]
    """What each severity means, in ``unit``."""
    unit: str
    scores: tuple[Estimate, ...]
    mean: Share
    """Mean accuracy over severities."""


class Robustness(Measured):
    """One protocol on one run, on clean and on corrupted test clips."""

    candidate: str
    """Setting of the protocol, such as "k=5": its default one, nothing is selected."""
    clips: int
    """Test clips."""
    clean: Estimate
    curves: tuple[Curve, ...]
    mean: Share
    """Mean corruption accuracy (mCA): over all corruptions and severities."""
    relative: float | None
    """Share of the clean accuracy that the mean is; None where there is none to lose."""


def evaluate_robustness(
    run: RunDir,
    store: SkeletonStore,
    protocol: str,
    *,
    split: str | None = None,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> Robustness:
    """Measure a run on corrupted test clips, and keep the result in its folder.

    A probe is trained once, on clean clips, with its default setting; a classifier is judged by its own head, which
    sees whole clips. Corruptions that change nothing in such a store (the projection of flat clips) are left out.

    Args:
        run: what to measure.
        store: labelled clips in the run's layout.
        protocol: one of frozen features ("knn", "linear", ...), or "classify".
        split: who trains and who tests; the run's own where None.
        corruptions: names of `CORRUPTIONS`.
        severities: 1 to 5.
        seed: of the corruptions, and of the probe.
        device: where to compute.
        progress: told what is being done.

    Raises:
        ConfigError: no such severity, nothing to corrupt, or no split to evaluate on.
        UnknownNameError: no such corruption, protocol or split.
        LayoutMismatchError: the store has other joints than the run.
        StoreError: no labels on one of the sides.
        SplitError: the store cannot provide the split.
        RunError: the run has no weights; for "classify", is no classifier, knows other classes, or was trained on
            some of the clips.
    """
    store.require_layout(run.layout)
    severities = sorted(set(severities))
    kinds = _kinds(corruptions, store)
    conditions = [kind(severity, seed) for kind, severity in product(kinds, severities)]
    if not conditions:
        raise ConfigError("nothing to corrupt: name at least one severity, and a corruption that changes such clips")
    sides = labelled_sides(store, split or run.config.split, seed)
    if protocol == CLASSIFY:
        version, (candidate, predictions) = VERSION, _by_head(run, sides, conditions, device, progress)
    else:
        version = protocols.get(protocol).version
        candidate, predictions = _by_probe(protocol, run, sides, conditions, device, progress, seed)
    clean, *scores = (estimate(row, sides.test_labels) for row in predictions)
    rest = iter(scores)
    curves = tuple(_curve(kind, severities, tuple(islice(rest, len(severities)))) for kind in kinds)
    mean = _mean(scores)
    result = Robustness(
        protocol=f"{protocol}@{version}",
        candidate=candidate,
        **measured_on(sides, str(run.path), run.config),
        seed=seed,
        clips=len(sides.test),
        clean=clean,
        curves=curves,
        mean=mean,
        relative=mean / clean.accuracy if clean.accuracy else None,
    )
    result.save_in(run.path / NAME, run.config.split)
    return result


def _kinds(names: Sequence[str], store: SkeletonStore) -> list[type[Corruption]]:
    """Corruptions of these names that change the store's clips; each once."""
    kinds = map(get_corruption, dict.fromkeys(names))
    return [kind for kind in kinds if kind.acts_on(store.layout, store.channels)]


def _curve(kind: type[Corruption], severities: Sequence[int], scores: tuple[Estimate, ...]) -> Curve:
    levels = tuple(kind.levels[severity - 1] for severity in severities)
    return Curve(
        corruption=kind.name,
        severities=tuple(severities),
        levels=levels,
        unit=kind.unit,
        scores=scores,
        mean=_mean(scores),
    )


def _mean(scores: Sequence[Estimate]) -> float:
    return fmean(score.accuracy for score in scores)


def _by_probe(
    protocol: str,
    run: RunDir,
    sides: Sides,
    conditions: Sequence[Corruption],
    device: torch.device | str,
    progress: OnProgress,
    seed: int,
) -> tuple[str, Tensor]:
    """Setting, and classes (1 + S, Q) of clean test clips and under each condition, by one probe."""
    cache = FeatureCache(run, sides.store, run.config.features, seed=seed, device=device, progress=progress)
    task = probe_task(cache, sides, "trained")
    # All queries at once, so that the probe is trained only once.
    queries = torch.cat([task.queries, *_corrupted_queries(cache, sides, conditions)])
    candidates = protocols.get(protocol)().candidates(replace(task, queries=queries))
    predictions = candidates.predictions[candidates.default]
    return candidates.names[candidates.default], predictions.view(1 + len(conditions), -1)


def _corrupted_queries(cache: FeatureCache, sides: Sides, conditions: Sequence[Corruption]) -> Iterator[Tensor]:
    """Features (Q, D) of the test clips under each condition, made like those of clean ones."""
    run, features, store = cache.run, cache.features, resident(sides.store, cache.device)
    encoder = run.load_method(cache.device).encoder
    for number, corruption in enumerate(conditions):
        rows = extract(
            encoder,
            store,
            sides.test,
            run.config.prepare,
            features,
            augment=run.config.mildest,
            corruption=corruption,
            views=features.views if features.average else 1,
            device=cache.device,
            seed=cache.seed,
        )
        cache.progress(_what(corruption), number + 1, len(conditions))
        yield represent(rows, features.average).to(cache.device)


def _by_head(
    run: RunDir,
    sides: Sides,
    conditions: Sequence[Corruption],
    device: torch.device | str,
    progress: OnProgress,
) -> tuple[str, Tensor]:
    """Setting, and classes (1 + S, Q) of clean test clips and under each condition, by the run's own head."""
    rows = [head_scores(run, sides, ClassifyConfig(), device=device, progress=progress).values.argmax(dim=1)]
    method, store = run.load_method(device), resident(sides.store, device)
    assert isinstance(method, Classifier)
    for number, corruption in enumerate(conditions):
        rows.append(predict(method, store, sides.test, run.config.prepare, corruption))
        progress(_what(corruption), number + 1, len(conditions))
    return "last epoch", torch.stack(rows)


def _what(corruption: Corruption) -> str:
    return f"{corruption.name} at severity {corruption.severity}"
