"""``kineme eval``: one protocol on one run, with its controls beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from kineme.cli.console import console, progress_bar, require_device
from kineme.evaluate.figure_text import figure_text

if TYPE_CHECKING:
    from kineme.evaluate.result import Result, Score

Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help="folder of the run")]
Store = Annotated[Path, tyro.conf.arg(help="folder of the labelled store")]
Split = Annotated[str | None, tyro.conf.arg(help="who trains and who tests; the run's own by default")]
Seed = Annotated[int, tyro.conf.arg(help="seed of held-out subjects, augmented views and the probe")]
Controls = Annotated[bool, tyro.conf.arg(help="measure the untrained twin and coordinate 1-NN too")]
Device = Annotated[str, tyro.conf.arg(help="where to compute: cpu, cuda or mps")]
Window = Annotated[float | None, tyro.conf.arg(help="cut test clips into windows of so many seconds")]


def linear(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """Linear probe: batch norm and one linear layer on frozen features, trained as the papers do.

    The accuracy of the last epoch is the result. The epoch that subjects held out of training prefer, and the
    papers' rule (the best epoch on the test clips, optimistic), stand beside it, and so do two controls: the same
    network untrained, and nearest neighbours in plain coordinates.
    """
    evaluate_run("linear", run, store, split, seed, controls, device)


def logreg(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """Logistic regression on frozen, standardised features."""
    evaluate_run("logreg", run, store, split, seed, controls, device)


def common(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """The one probe for every family: logistic regression of a fixed strength, whatever the width of the features.

    Nothing is chosen and no setting of the recipe's probe is read, so that encoders can be compared by it. Pooling and
    views remain the recipe's.
    """
    evaluate_run("common", run, store, split, seed, controls, device)


def knn(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """Nearest neighbours by cosine similarity on frozen features, weighted by similarity."""
    evaluate_run("knn", run, store, split, seed, controls, device)


def retrieval(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """Retrieval: test clips look for training clips of their class; mAP and recall at 1, 5 and 10."""
    evaluate_run("retrieval", run, store, split, seed, controls, device)


def classify(
    run: Run,
    /,
    *,
    store: Store,
    split: Split = None,
    window_seconds: Window = None,
    controls: Annotated[bool, tyro.conf.arg(help="measure coordinate 1-NN too")] = True,
    device: Device = "cpu",
) -> None:
    """A trained classifier by its own head, on the test clips: supervised training and fine-tuned runs.

    Nothing is chosen: the weights of the last epoch are what is measured. Accuracies of single classes and class
    scores of every clip are kept beside the result. Long clips can be cut into windows, whose probabilities are
    averaged.
    """
    from kineme.evaluate.classifier import evaluate_classifier
    from kineme.evaluate.config import ClassifyConfig
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir

    require_device(device)
    with progress_bar("eval classify", "clips") as update:
        result = evaluate_classifier(
            RunDir.open(run),
            SkeletonStore.open(store),
            split=split,
            classify=None if window_seconds is None else ClassifyConfig.parse({"window_seconds": window_seconds}),
            controls=controls,
            device=device,
            progress=lambda what, done, total: update(done, total, what),
        )
    print_result(result)


def refined(
    run: Run, /, *, store: Store, split: Split = None, seed: Seed = 0, controls: Controls = True, device: Device = "cpu"
) -> None:
    """Nearest neighbour in frozen features that an auto-encoder has compressed, beside the plain ones (AgRNet)."""
    evaluate_run("refined", run, store, split, seed, controls, device)


def coordinates(store: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")], /, *, split: str) -> None:
    """What plain coordinates achieve before anything is learned: the figures that a representation has to beat.

    Clips are resized to 50 frames, centred and, where they are in metres, turned to face the viewer. Then the nearest
    training clip, and logistic regression on principal components.

    Args:
        store: folder of the labelled store.
        split: who trains and who tests.
    """
    from kineme.evaluate.controls import coordinate_scores
    from kineme.evaluate.sides import labelled_sides
    from kineme.store import SkeletonStore

    sides = labelled_sides(SkeletonStore.open(store), split, seed=0)
    table = Table("coordinates", "accuracy, %", "95 % interval")
    for name, score in coordinate_scores(sides).items():
        table.add_row(name, f"{100 * score.accuracy:.1f}", f"{100 * score.low:.1f} to {100 * score.high:.1f}")
    console.print(f"{split}: {len(sides.train)} training and {len(sides.test)} test clips")
    console.print(table)


def evaluate_run(
    protocol: str,
    run: Path,
    store: Path,
    split: str | None = None,
    seed: int = 0,
    controls: bool = True,
    device: str = "cpu",
) -> None:
    """Evaluate, print, and keep the result in the run's folder."""
    from kineme.errors import ConfigError
    from kineme.evaluate.evaluate import evaluate
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir

    if seed < 0:
        raise ConfigError(f"--seed {seed}: expected a whole number from 0")
    require_device(device)
    opened = RunDir.open(run)
    with progress_bar(f"eval {protocol}", "clips") as update:
        result = evaluate(
            opened,
            SkeletonStore.open(store),
            protocol,
            split=split,
            seed=seed,
            controls=controls,
            device=device,
            progress=lambda what, done, total: update(done, total, what),
        )
    print_result(result)


def print_result(result: "Result") -> None:
    """One result with its selection rules and controls."""
    counts = result.counts
    clips = f"{counts.train} training, {counts.test} test clips"
    console.print(f"{result.protocol} of {result.run} on {result.split}: {clips}", soft_wrap=True)
    table = Table("what", "setting", "accuracy %", "95 % interval", "rule")
    for name, scores in zip(_rows(result), (result.metrics, result.untrained), strict=True):
        if scores is None:
            continue
        _add(table, f"{name}, last", scores.last)
        if scores.best_val is not None:
            _add(table, f"{name}, best_val", scores.best_val)
        _add(table, f"{name}, best_test", scores.best_test)
    if result.coordinate_1nn is not None:
        _add(table, "coordinate 1-NN", result.coordinate_1nn)
    console.print(table)
    figures = {"chance": result.chance, "majority class": result.majority, **result.metrics.extra}
    console.print("  ".join(figure_text(name, value) for name, value in figures.items()))
    if result.metrics.best_val is None:
        console.print(f"no best_val: {result.metrics.why_no_best_val}")
    if result.seen:
        console.print(f"{result.seen} of the test clips were trained on", style="yellow")
    for message in result.health.messages if result.health else ():
        console.print(f"features: {message}", style="yellow")


def _rows(result: "Result") -> tuple[str, str]:
    """What was measured, and its control."""
    if result.features is not None:
        return "pretrained", "untrained twin"
    return ("trained" if result.name.endswith("classify") else "fine-tuned"), "from scratch"


def _add(table: Table, name: str, score: "Score") -> None:
    interval = f"{100 * score.low:.1f} to {100 * score.high:.1f}"
    table.add_row(name, score.candidate, f"{100 * score.accuracy:.1f}", interval, score.rule)
