"""Pretraining and every frozen evaluation, on synthetic motions: python examples/pretrain_and_probe.py"""

from pathlib import Path

import tyro

from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.protocols import protocols
from kineme.recipes.base import recipe_config
from kineme.synthetic import synthetic_store
from kineme.train.loop import Report, fit


def show(report: Report) -> None:
    """Print the steps whose loss is known."""
    if report.loss is not None:
        print(f"step {report.step} of {report.steps}: loss {report.loss:.4f}")


def main(out: Path = Path("runs/pretrain-and-probe"), subjects: int = 8, epochs: int = 50) -> None:
    """Train on odd subjects, test on even ones.

    Args:
        out: folder of the run; must not exist.
        subjects: how many people perform the motions.
        epochs: length of the pretraining.
    """
    store = synthetic_store(num_subjects=subjects)
    config = recipe_config("mamp-compact")
    config = config.with_changes(
        split="odd-even-subjects",
        train=config.train.with_changes(epochs=epochs),
    )
    run = fit(config, store, out, on_step=show)

    # Features are extracted once, for the first protocol; the others read them from the run's folder.
    for name in protocols.names():
        result = evaluate(run, store, name)
        for rule, score in (
            ("last", result.metrics.last),
            ("best_val", result.metrics.best_val),
            ("best_test", result.metrics.best_test),
        ):
            if score is not None:
                interval = f"{score.low:.1%} to {score.high:.1%}"
                print(f"{result.protocol:<13}{rule:<10}{score.accuracy:.1%}  ({interval}; {score.candidate})")


if __name__ == "__main__":
    tyro.cli(main)
