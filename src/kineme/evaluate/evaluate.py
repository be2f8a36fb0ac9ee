"""From a run and a store to a result: features once, then a protocol, beside controls that are treated the same."""

import logging
from dataclasses import asdict

import torch

from kineme.evaluate.cache import FeatureCache, OnProgress, Weights
from kineme.evaluate.calibration import calibration
from kineme.evaluate.config import FeatureConfig, LinearProbeConfig
from kineme.evaluate.controls import coordinate_1nn, coordinate_features
from kineme.evaluate.health import feature_health
from kineme.evaluate.predictions import save_predictions
from kineme.evaluate.protocols import Candidates, Settings, Task, protocols, represent
from kineme.evaluate.result import FeatureHealth, Result, Score, Scores
from kineme.evaluate.seen import count_seen
from kineme.evaluate.select import accuracy, score, select
from kineme.evaluate.sides import Sides, labelled_sides, result_on
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

logger = logging.getLogger(__name__)


def evaluate(
    run: RunDir,
    store: SkeletonStore,
    protocol: str,
    *,
    split: str | None = None,
    features: FeatureConfig | None = None,
    probe: LinearProbeConfig | None = None,
    seed: int = 0,
    controls: bool = True,
    device: torch.device | str = "cpu",
    progress: OnProgress = lambda what, done, total: None,
) -> Result:
    """Measure a pretrained encoder, frozen, and keep the result in the run's folder.

    Degenerate features, and test clips that were pretrained on, are announced (as logged warnings) before the protocol
    runs. What it predicts for each test clip is kept too (see `kineme.evaluate.predictions`).

    Args:
        run: what to measure.
        store: labelled clips in the run's layout.
        protocol: "linear", "logreg", "common", "knn", "refined" or "retrieval".
        split: who trains and who tests; the run's own where None.
        features: pooling and scaling; the run's own where None.
        probe: schedule of the linear probe; the run's own where None.
        seed: of held-out subjects, augmented views and the probe.
        controls: measure the untrained twin and coordinate 1-NN too.
        device: where to compute.
        progress: told what is being done.

    Raises:
        LayoutMismatchError: the store has other joints than the run.
        StoreError: no labels on one of the sides.
        ConfigError: no split to evaluate on.
        SplitError: the store cannot provide the split.
        UnknownNameError: no such protocol or split.
        RunError: the run has no weights.
    """
    judge = protocols.get(protocol)
    store.require_layout(run.layout)
    features, probe = features or run.config.features, probe or run.config.probe
    sides = labelled_sides(store, split or run.config.split, seed)
    seen = count_seen(sides, run)
    cache = FeatureCache(run, store, features, seed=seed, device=device, progress=progress)
    trained = probe_task(cache, sides, "trained", probe)
    health = announced_health(trained, run)
    metrics, candidates = _measured(protocol, trained, sides)
    result = result_on(
        sides,
        str(run.path),
        run.config,
        protocol=f"{protocol}@{judge.version}",
        seed=seed,
        features=features,
        probe=probe,
        knn=run.config.knn,
        refine=run.config.refine,
        metrics=metrics,
        untrained=_measured(protocol, probe_task(cache, sides, "untrained", probe), sides)[0] if controls else None,
        coordinate_1nn=coordinate_control(sides) if controls else None,
        seen=seen,
        health=health,
    )
    save_predictions(result.save(run.path, run.config.split), sides, candidates)
    return result


def probe_task(cache: FeatureCache, sides: Sides, weights: Weights, probe: LinearProbeConfig | None = None) -> Task:
    """What a protocol may see of a run: features of both sides, extracted where they are not there yet.

    Args:
        cache: of the run's features.
        sides: who trains and who tests.
        weights: trained or untrained.
        probe: schedule of the linear probe; the run's own where None.
    """
    config, features = cache.run.config, cache.features
    settings = Settings(
        probe or config.probe, features.standardise, features.average, cache.seed, config.knn, config.refine
    )
    train, test = cache.get(weights, "train", sides.train), cache.get(weights, "test", sides.test)
    queries = represent(test.views, settings.average)
    tensors = (tensor.to(cache.device) for tensor in (train.views, train.labels, queries))
    return Task(*tensors, num_classes=len(sides.store.classes), settings=settings)


def announced_health(task: Task, run: RunDir) -> FeatureHealth:
    """State of the training clips' features; what is wrong is logged."""
    health = FeatureHealth.parse(asdict(feature_health(task.train.cpu())))
    for message in health.messages:
        logger.warning("%s: %s", run.path, message)
    return health


def _measured(protocol: str, task: Task, sides: Sides) -> tuple[Scores, Candidates]:
    """Select without the test labels, then look at them."""
    judge, labels = protocols.get(protocol)(), sides.test_labels
    selection = select(judge, task, sides.held_out, sides.why_not)
    candidates = selection.candidates
    extra = judge.scores(task, labels) | calibration(protocol, candidates.scores, labels)
    return score(selection, labels, task.num_classes, extra), candidates


def coordinate_control(sides: Sides) -> Score:
    """Accuracy of the nearest neighbour in coordinates."""
    train, test = (coordinate_features(sides.store, side) for side in (sides.train, sides.test))
    predictions = coordinate_1nn(train, sides.train_labels, test)
    return accuracy(predictions, sides.test_labels, "1-NN", "nearest in aligned coordinates")
