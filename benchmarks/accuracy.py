"""Accuracy on small real data: every compact recipe, several seeds, its controls beside it.

    python -m benchmarks.accuracy --data ../shared/realdata --out runs/accuracy

Runs that are finished are not repeated, so an interrupted call goes on where it stopped; several calls with other
``--seeds`` or ``--recipes`` may share a folder. ``--table`` prints the Markdown of docs/benchmarks.md.
"""

import argparse
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev

import torch

from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune, protocol_name
from kineme.evaluate.fusion import evaluate_fusion
from kineme.evaluate.result import Result, Score
from kineme.importers.npz import load_ragged_npz
from kineme.methods.crosclr import CrosSCLRConfig
from kineme.recipes.base import fine_tuning, of_stream, recipe_config
from kineme.store import SkeletonStore
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

MASKED = ("mae", "mamp", "hacm", "hacm-reference", "stjd_mp")
CONTRASTIVE = ("skeletonclr", "crosclr", "aimclr", "actclr", "stjd_cl")
DATA = {"nucla": ("nucla.npz", "kinect20"), "utd-mhad": ("utd_mhad.npz", "utd20")}
FROZEN = ("linear", "knn")
SHARES = {"finetune": 1.0, "semi10": 0.1}
FUSED = {"fusion-linear": "linear", "fusion-knn": "knn"}
STREAMS = ("joint", "motion", "bone")
RECIPES = {f"{method}-{data}": (*FROZEN, *SHARES) for data in DATA for method in MASKED} | {
    f"{method}-{data}": (*FROZEN, *FUSED) for data in DATA for method in CONTRASTIVE
}
"""Every recipe with its protocols."""
PROTOCOLS = (*FROZEN, *SHARES, *FUSED)


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


def measure(recipe: str, seed: int, protocols: Collection[str], data: Path, out: Path) -> None:
    """Pretrain and evaluate one recipe with one seed, unless that is done."""
    store = open_store(recipe, data=data, out=out)
    run = pretrained(recipe, "joint", seed, store, out)
    for protocol in RECIPES[recipe]:
        if protocol in protocols and not result_file(run.path, protocol).exists():
            if protocol in FROZEN:
                result = evaluate(run, store, protocol, seed=seed)
            elif protocol in SHARES:
                result = tune(run, store, SHARES[protocol], seed, out)
            else:
                runs = [pretrained(recipe, stream, seed, store, out) for stream in trained_streams(run)]
                result = evaluate_fusion(runs, store, protocol=FUSED[protocol], seed=seed)
            print(f"{run.path.name} {protocol} {100 * result.metrics.last.accuracy:.1f}", flush=True)


def pretrained(recipe: str, stream: str, seed: int, store: SkeletonStore, out: Path) -> RunDir:
    """Run of one stream, trained as far as it is not; so is the run that it starts from."""
    config = of_stream(recipe_config(recipe), stream)
    config = config.with_changes(train=config.train.with_changes(seed=seed))
    if config.start.weights is not None:
        source = pretrained(Path(config.start.weights).name, stream, seed, store, out)
        config = config.with_changes(start=config.start.with_changes(weights=str(source.path)))
    path = stream_folder(out / f"{recipe}-seed{seed}", stream)
    return fit(config, store, path, resume=(path / "run.json").exists(), accelerator="cpu")


def stream_folder(run: Path, stream: str) -> Path:
    """Where a stream's run lies, beside that of the joints."""
    return run if stream == "joint" else run.with_name(f"{run.name}-{stream}")


def trained_streams(run: RunDir) -> Sequence[str]:
    """Streams that a method trains one by one; a method that trains several at once does so in the joints' run."""
    return STREAMS[:1] if isinstance(run.config.method, CrosSCLRConfig) else STREAMS


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
    folder = run / protocol if protocol in SHARES else run
    return folder / "results" / f"{protocol}.json"


def store_name(store: SkeletonStore) -> str:
    """Name of a store's folder."""
    assert store.path is not None
    return store.path.stem


def open_store(recipe: str, *, data: Path, out: Path) -> SkeletonStore:
    """Store of a recipe's data, made once from an ``.npz`` of clips."""
    file, layout = next(DATA[name] for name in DATA if recipe.endswith(f"-{name}"))
    path = out / f"{Path(file).stem}.store"
    return SkeletonStore.open(path) if path.exists() else load_ragged_npz(data / file, layout).save(path)


def print_table(out: Path) -> None:
    """Markdown: mean and deviation over seeds of the last epoch, trained and control, and the 95 % interval."""
    columns = ("recipe", "protocol", "seeds", "trained", "control", "coordinate 1-NN", "gain", "minutes")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for recipe in RECIPES:
        for protocol in RECIPES[recipe]:
            runs = sorted(out.glob(f"{recipe}-seed[0-9]"))
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
    """Wall time of the pretraining behind a result, of all its streams, or of a fine-tuning."""
    if protocol in SHARES:
        return seconds(next((run / protocol).glob("seed-*"))) / 60
    others = [path for stream in STREAMS if (path := stream_folder(run, stream)).exists()]
    return sum(map(seconds, others if protocol in FUSED else [run])) / 60


def seconds(run: Path) -> float:
    """Wall time of a training, without that of the run it started from."""
    return RunDir.open(run).metrics()[-1]["seconds"]


if __name__ == "__main__":
    main()
