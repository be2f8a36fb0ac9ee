"""Accuracy on small real data: every compact recipe, several seeds, its controls beside it.

    python -m benchmarks.accuracy --data ../shared/realdata --out runs/accuracy

Runs that are finished are not repeated, so an interrupted call goes on where it stopped; several calls with other
``--seeds`` or ``--recipes`` may share a folder. ``--table`` prints the Markdown of docs/benchmarks.md.
"""

import argparse
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev

import torch

from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune, protocol_name
from kineme.evaluate.result import Result, Score
from kineme.importers.npz import load_ragged_npz
from kineme.recipes.base import fine_tuning, recipe_config
from kineme.store import SkeletonStore
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

METHODS = ("mae", "mamp", "hacm", "hacm-reference", "stjd_mp")
DATA = {"nucla": ("nucla.npz", "kinect20"), "utd-mhad": ("utd_mhad.npz", "utd20")}
RECIPES = {f"{method}-{data}": DATA[data] for data in DATA for method in METHODS}
FROZEN = ("linear", "knn")
SHARES = {"finetune": 1.0, "semi10": 0.1}
PROTOCOLS = (*FROZEN, *SHARES)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=list(PROTOCOLS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.table:
        for seed in args.seeds:
            for recipe in args.recipes:
                measure(recipe, seed, args.protocols, args.data, args.out)
    print_table(args.out)


def measure(recipe: str, seed: int, protocols: Sequence[str], data: Path, out: Path) -> None:
    """Pretrain and evaluate one recipe with one seed, unless that is done."""
    path = out / f"{recipe}-seed{seed}"
    store = open_store(*RECIPES[recipe], data=data, out=out)
    config = recipe_config(recipe)
    config = config.with_changes(train=config.train.with_changes(seed=seed))
    run = fit(config, store, path, resume=(path / "run.json").exists(), accelerator="cpu")
    for protocol in protocols:
        if not result_file(path, protocol).exists():
            if protocol in FROZEN:
                result = evaluate(run, store, protocol, seed=seed)
            else:
                result = tune(run, store, SHARES[protocol], seed, out)
            print(f"{path.name} {protocol} {100 * result.metrics.last.accuracy:.1f}", flush=True)


def tune(run: RunDir, store: SkeletonStore, share: float, seed: int, out: Path) -> Result:
    """Fine-tune with a share of the labels; runs from scratch are shared by recipes with the same encoder."""
    config = fine_tuning(run.config, str(run.path))
    config = config.with_changes(
        train=config.train.with_changes(seed=seed), subset=config.subset.with_changes(fraction=share)
    )
    name, encoder = protocol_name(config), config.encoder.model_dump_json().encode()
    scratch = out / "scratch" / f"{store_name(store)}-{name}-{sha256(encoder).hexdigest()[:8]}"
    return finetune(config, store, run.path / name, scratch=scratch, training=Training(resume=True, accelerator="cpu"))


def result_file(run: Path, protocol: str) -> Path:
    """Where a protocol's result is kept."""
    folder = run if protocol in FROZEN else run / protocol
    return folder / "results" / f"{protocol}.json"


def store_name(store: SkeletonStore) -> str:
    """Name of a store's folder."""
    assert store.path is not None
    return store.path.stem


def open_store(file: str, layout: str, *, data: Path, out: Path) -> SkeletonStore:
    """Store made from an ``.npz`` of clips, once."""
    path = out / f"{Path(file).stem}.store"
    return SkeletonStore.open(path) if path.exists() else load_ragged_npz(data / file, layout).save(path)


def print_table(out: Path) -> None:
    """Markdown: mean and deviation over seeds of the last epoch, trained and control, and the 95 % interval."""
    columns = ("recipe", "protocol", "seeds", "trained", "control", "coordinate 1-NN", "gain", "minutes")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for recipe in RECIPES:
        for protocol in PROTOCOLS:
            runs = sorted(out.glob(f"{recipe}-seed*"))
            files = [file for run in runs if (file := result_file(run, protocol)).exists()]
            if files:
                took = [minutes(run, protocol) for run in runs if result_file(run, protocol).exists()]
                print(row(recipe, protocol, [Result.load(file) for file in files], took))


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


def minutes(run: Path, protocol: str) -> float:
    """Wall time of the pretraining behind a frozen result, or of a fine-tuning."""
    folder = run if protocol in FROZEN else next((run / protocol).glob("seed-*"))
    return RunDir.open(folder).metrics()[-1]["seconds"] / 60


if __name__ == "__main__":
    main()
