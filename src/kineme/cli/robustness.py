"""``kineme eval robustness``: how accuracy falls when test clips are corrupted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from kineme.cli.console import console, progress_bar, require_device

if TYPE_CHECKING:
    from kineme.evaluate.robustness import Robustness

Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Protocol = Literal["knn", "linear", "common", "logreg", "refined", "retrieval", "classify"]


def robustness(
    run: Run,
    /,
    *,
    store: Path,
    protocol: Protocol = "knn",
    split: str | None = None,
    corruptions: tuple[str, ...] = (),
    severities: tuple[int, ...] = (1, 2, 3, 4, 5),
    out: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> None:
    """Measure a run on corrupted test clips: joints or limbs out of sight, lost frames, noise, other views and so on.

    Probes are trained once, on clean clips. The mean over all corruptions and severities is the one figure to quote;
    beside it stands the share of the clean accuracy that it is.

    Args:
        run: folder of the run.
        store: folder of the labelled store.
        protocol: how clips are classified: a probe on frozen features, or a trained classifier by its own head.
        split: who trains and who tests; the run's own by default.
        corruptions: names of those to measure; all by default.
        severities: from 1, hardly visible, to 5.
        out: draw the curves into this picture too (png, pdf, svg).
        seed: of the corruptions and of the probe.
        device: where to compute: cpu, cuda or mps.
    """
    from kineme.cli.run_method import require_numbers
    from kineme.evaluate.robustness import evaluate_robustness
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir
    from kineme.transforms.corruptions import CORRUPTIONS
    from kineme.viz.drawing_file import require_picture
    from kineme.viz.robustness_figure import robustness_figure

    if out is not None:
        require_picture(out)
    require_numbers(seed=(seed, 0))
    require_device(device)
    opened = RunDir.open(run)
    with progress_bar("eval robustness", "") as update:
        result = evaluate_robustness(
            opened,
            SkeletonStore.open(store),
            protocol,
            split=split,
            corruptions=corruptions or tuple(CORRUPTIONS),
            severities=severities,
            seed=seed,
            device=device,
            progress=lambda what, done, total: update(done, total, what),
        )
    _print(result)
    if out is not None:
        console.print(str(robustness_figure(result, out)), soft_wrap=True)


def _print(result: "Robustness") -> None:
    """Accuracies in percent, a row for each corruption."""
    clean, severities = result.clean, result.curves[0].severities
    console.print(
        f"{result.protocol} ({result.candidate}) of {result.run} on {result.split}: {result.clips} test clips, "
        f"clean {100 * clean.accuracy:.1f} % ({100 * clean.low:.1f} to {100 * clean.high:.1f})",
        soft_wrap=True,
    )
    table = Table("accuracy %, at severity", *map(str, severities), "mean")
    for curve in result.curves:
        scores = (f"{100 * score.accuracy:.1f}" for score in curve.scores)
        table.add_row(curve.corruption, *scores, f"{100 * curve.mean:.1f}")
    console.print(table)
    left = "" if result.relative is None else f", {100 * result.relative:.1f} % of the clean accuracy"
    console.print(f"mean corruption accuracy {100 * result.mean:.1f} %{left}; chance {100 * result.chance:.1f} %")
