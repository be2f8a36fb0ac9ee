"""``kineme eval few-shot``: accuracy from a few labelled clips of every class."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from kineme.cli.console import console, progress_bar, require_device
from kineme.cli.evaluate import Run

if TYPE_CHECKING:
    from kineme.evaluate.few_shot import FewShot


def few_shot(
    run: Run,
    /,
    *,
    store: Path,
    shots: tuple[int, ...] = (1, 5, 10),
    draws: int = 100,
    split: str | None = None,
    seed: int = 0,
    controls: bool = True,
    device: str = "cpu",
) -> None:
    """Classify test clips from k training clips of every class, by the class mean that is most similar.

    Nothing is trained. The k clips are drawn many times; the accuracy is the mean over draws, and beside it stand the
    range that 95 % of the draws are in, and the interval that so few test clips allow. The same is done with the
    untrained network, and with plain coordinates.

    Args:
        run: folder of the run.
        store: folder of the labelled store.
        shots: labelled clips of every class, several numbers.
        draws: how often they are drawn.
        split: who trains and who tests; the run's own by default.
        seed: of the drawn clips.
        controls: measure the untrained twin and coordinates too.
        device: where to compute: cpu, cuda or mps.
    """
    from kineme.cli.run_method import require_numbers
    from kineme.evaluate.few_shot import evaluate_few_shot
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir

    require_numbers(seed=(seed, 0))
    require_device(device)
    opened = RunDir.open(run)
    with progress_bar("eval few-shot", "clips") as update:
        result = evaluate_few_shot(
            opened,
            SkeletonStore.open(store),
            shots=shots,
            draws=draws,
            split=split,
            seed=seed,
            controls=controls,
            device=device,
            progress=lambda what, done, total: update(done, total, what),
        )
    _print(result)


def _print(result: "FewShot") -> None:
    """Accuracies in percent, a row for each number of clips."""
    console.print(
        f"{result.protocol} of {result.run} on {result.split}: {result.clips} test clips, {result.draws} draws",
        soft_wrap=True,
    )
    table = Table("what", "clips per class", "accuracy %, mean", "95 % of draws", "95 % interval")
    rows = {"pretrained": result.scores, "untrained twin": result.untrained, "coordinates": result.coordinates}
    for what, scores in rows.items():
        for score in scores:
            accuracy, draws, interval = (
                f"{100 * score.accuracy:.1f}",
                (score.worst, score.best),
                (score.low, score.high),
            )
            table.add_row(
                what, str(score.shots), accuracy, *(f"{100 * a:.1f} to {100 * b:.1f}" for a, b in (draws, interval))
            )
    console.print(table)
    console.print(f"chance {100 * result.chance:.1f} %")
    if result.scarce:
        few = ", ".join(f"{name} ({count})" for name, count in result.scarce.items())
        console.print(f"classes with fewer training clips, all of them used: {few}", style="yellow", soft_wrap=True)
    if result.seen:
        console.print(f"{result.seen} of the test clips were trained on", style="yellow")
