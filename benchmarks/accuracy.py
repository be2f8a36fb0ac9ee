"""Accuracy on small real data: every compact recipe, several seeds, its controls beside it.

    python -m benchmarks.accuracy --data ../shared/realdata --out runs/accuracy

Runs that are finished are not repeated, so an interrupted call goes on where it stopped; several calls with other
``--seeds`` or ``--recipes`` may share a folder. ``--table`` prints the Markdown of docs/benchmarks.md.
"""

import argparse
from pathlib import Path
from statistics import mean, stdev

import torch

from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.result import Result, Score
from kineme.importers.npz import load_ragged_npz
from kineme.recipes.base import recipe_config
from kineme.store import SkeletonStore
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

METHODS = ("mae", "mamp", "hacm", "hacm-reference", "stjd_mp")
DATA = {"nucla": ("nucla.npz", "kinect20"), "utd-mhad": ("utd_mhad.npz", "utd20")}
RECIPES = {f"{method}-{data}": DATA[data] for data in DATA for method in METHODS}
PROTOCOLS = ("linear", "knn")


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.table:
        for seed in args.seeds:
            for recipe in args.recipes:
                measure(recipe, seed, args.data, args.out)
    print_table(args.out)


def measure(recipe: str, seed: int, data: Path, out: Path) -> None:
    """Pretrain and evaluate one recipe with one seed, unless that is done."""
    path = out / f"{recipe}-seed{seed}"
    store = open_store(*RECIPES[recipe], data=data, out=out)
    config = recipe_config(recipe)
    config = config.with_changes(train=config.train.with_changes(seed=seed))
    run = fit(config, store, path, resume=(path / "run.json").exists())
    for protocol in PROTOCOLS:
        if not (path / "results" / f"{protocol}.json").exists():
            result = evaluate(run, store, protocol, seed=seed)
            print(f"{path.name} {protocol} {100 * result.metrics.last.accuracy:.1f}", flush=True)


def open_store(file: str, layout: str, *, data: Path, out: Path) -> SkeletonStore:
    """Store made from an ``.npz`` of clips, once."""
    path = out / f"{Path(file).stem}.store"
    return SkeletonStore.open(path) if path.exists() else load_ragged_npz(data / file, layout).save(path)


def print_table(out: Path) -> None:
    """Markdown: mean and deviation over seeds of the last epoch, pretrained and untrained, and the 95 % interval."""
    columns = ("recipe", "protocol", "seeds", "pretrained", "untrained twin", "coordinate 1-NN", "gain", "minutes")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for recipe in RECIPES:
        for protocol in PROTOCOLS:
            files = sorted(out.glob(f"{recipe}-seed*/results/{protocol}.json"))
            if files:
                print(row(recipe, protocol, [Result.load(file) for file in files], [minutes(file) for file in files]))


def row(recipe: str, protocol: str, results: list[Result], took: list[float]) -> str:
    """One line of the table."""
    trained = [result.metrics.last for result in results]
    twins = [result.untrained.last for result in results if result.untrained is not None]
    coordinates = [result.coordinate_1nn for result in results if result.coordinate_1nn is not None]
    gain = [100 * (one.accuracy - twin.accuracy) for one, twin in zip(trained, twins, strict=True)]
    cells = (recipe, protocol, str(len(results)), over_seeds(trained), over_seeds(twins), over_seeds(coordinates))
    return f"| {' | '.join(cells)} | {mean(gain):+.1f} | {mean(took):.1f} |"


def over_seeds(scores: list[Score]) -> str:
    """Mean, deviation over seeds, and mean half width of the clips' 95 % interval, percent."""
    values = [100 * score.accuracy for score in scores]
    half = 50 * mean(score.high - score.low for score in scores)
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread} (95 % ± {half:.1f})"


def minutes(result: Path) -> float:
    """Wall time of the pretraining behind a result."""
    return RunDir.open(result.parents[1]).metrics()[-1]["seconds"] / 60


if __name__ == "__main__":
    main()
