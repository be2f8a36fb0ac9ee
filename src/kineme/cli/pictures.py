"""``kineme confusion`` and ``kineme tsne``: what an evaluated run confuses, and how its features lie."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from kineme.cli.console import console

if TYPE_CHECKING:
    from kineme.evaluate.bank import FeatureBank
    from kineme.evaluate.result import Result

Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help="folder of an evaluated run")]
Side = Literal["test", "train"]
Weights = Literal["trained", "untrained"]


def confusion(run: Run, /, *, protocol: str = "linear", out: Path = Path("confusion.png")) -> None:
    """Draw the confusion matrix of a result: what clips of each class were taken for.

    Args:
        protocol: whose result, such as linear, knn, finetune; on a split that is not the run's own, with its name
            (linear-pku2-xsub).
        out: picture to write (png, pdf, svg).
    """
    from kineme.viz.confusion_figure import confusion_figure
    from kineme.viz.drawing_file import require_picture

    require_picture(out)
    console.print(str(confusion_figure(_result(run, protocol), out)), soft_wrap=True)


def tsne(
    run: Run,
    /,
    *,
    out: Path = Path("tsne.png"),
    side: Side = "test",
    weights: Weights = "trained",
    clips: int = 2000,
    seed: int = 0,
) -> None:
    """Draw how the frozen features of clips lie, by t-SNE.

    Args:
        out: picture to write (png, pdf, svg).
        side: clips that test or clips that train.
        weights: features of the run's network, or of the same network untrained.
        clips: how many at most, drawn at random.
        seed: of that draw, and of t-SNE.
    """
    from kineme.cli.run_method import require_numbers
    from kineme.viz.drawing_file import require_picture
    from kineme.viz.embedding_figure import embedding_figure

    require_picture(out)
    require_numbers(clips=(clips, 3), seed=(seed, 0))
    of = f"{'test' if side == 'test' else 'training'} clips" + (", before training" if weights == "untrained" else "")
    bank = _bank(run, weights, side)
    file = embedding_figure(bank, out, name=run.resolve().name, of=of, clips=clips, seed=seed)
    console.print(str(file), soft_wrap=True)


def _result(run: Path, protocol: str) -> "Result":
    """Result of a run by the name of its file; fine-tunings lie a folder deeper."""
    from kineme.errors import RunError
    from kineme.evaluate.protocols import protocols
    from kineme.evaluate.result import Result
    from kineme.train.run_dir import RunDir

    RunDir.open(run)
    files = {file.stem: file for pattern in ("*/results/*.json", "results/*.json") for file in run.glob(pattern)}
    if protocol in files:
        return Result.load(files[protocol])
    there = f"; there are results of {', '.join(sorted(files))}" if files else ""
    how = f"eval {protocol if protocol in protocols.names() else 'linear'}"
    raise RunError(f"{run}: no results of {protocol}{there}; make some with: kineme {how} {run} --store STORE")


def _bank(run: Path, weights: Weights, side: Side) -> "FeatureBank":
    from kineme.errors import RunError
    from kineme.evaluate.bank import FeatureBank
    from kineme.train.run_dir import RunDir

    file = RunDir.open(run).path / "features" / f"{weights}-{side}.safetensors"
    if not file.exists():
        raise RunError(f"{run}: no features of its clips yet; make them with: kineme eval knn {run} --store STORE")
    return FeatureBank.load(file)
