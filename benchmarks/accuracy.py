"""Accuracy on small real data: every compact recipe, several seeds, its controls beside it.

    python -m benchmarks.accuracy --data ../shared/realdata --out runs/accuracy

Runs that are finished are not repeated, so an interrupted call goes on where it stopped; several calls with other
``--seeds`` or ``--recipes`` may share a folder. ``--table`` prints the Markdown of docs/benchmarks.md. ``--precision
bf16-mixed`` takes two thirds of the time on processors with bfloat16 arithmetic.
"""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

import torch

from kineme.evaluate.classifier import evaluate_classifier
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
SUPERVISED = (
    "supervised-stgcn",
    "supervised-skeleton_transformer",
    "supervised-ball_transformer",
    "supervised-danet",
    "supervised-agrnet",
    "danet",
)
FROZEN = ("linear", "knn")
SHARES = {"finetune": 1.0, "semi10": 0.1}
FUSED = {"fusion-linear": "linear", "fusion-knn": "knn"}
STREAMS = ("joint", "motion", "bone")
FAMILIES = (
    (MASKED, (*FROZEN, *SHARES)),
    (CONTRASTIVE, (*FROZEN, *FUSED)),
    (("agrnet",), FROZEN),
    (SUPERVISED, ("classify",)),
)
RECIPES = {f"{method}-{data}": protocols for methods, protocols in FAMILIES for data in DATA for method in methods}
"""Every recipe with its protocols."""
PROTOCOLS = (*FROZEN, *SHARES, *FUSED, "classify")


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=list(PROTOCOLS))
    parser.add_argument("--precision", default="32-true", choices=("32-true", "bf16-mixed"), help="of pretraining")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.table:
        for seed in args.seeds:
            for recipe in args.recipes:
                store = open_store(recipe, data=args.data, out=args.out)
                measure(Job(recipe, seed, args.precision, store, args.out), args.protocols)
    print_table(args.out)


@dataclass(frozen=True)
class Job:
    """One recipe with one seed, and where its runs are kept."""

    recipe: str
    seed: int
    precision: Literal["32-true", "bf16-mixed"]
    store: SkeletonStore
    out: Path


def measure(job: Job, protocols: Collection[str]) -> None:
    """Pretrain and evaluate, unless that is done."""
    run = pretrained(job, "joint")
    for protocol in RECIPES[job.recipe]:
        if protocol in protocols and not result_file(run.path, protocol).exists():
            if protocol in FROZEN:
                result = evaluate(run, job.store, protocol, seed=job.seed)
            elif protocol in SHARES:
                result = tune(job, run, SHARES[protocol])
            elif protocol == "classify":
                result = evaluate_classifier(run, job.store)
            else:
                runs = [pretrained(job, stream) for stream in trained_streams(run)]
                result = evaluate_fusion(runs, job.store, protocol=FUSED[protocol], seed=job.seed)
            print(f"{run.path.name} {protocol} {100 * result.metrics.last.accuracy:.1f}", flush=True)


def pretrained(job: Job, stream: str) -> RunDir:
    """Run of one stream, trained as far as it is not; so is the run that it starts from."""
    config = of_stream(recipe_config(job.recipe), stream)
    config = config.with_changes(train=config.train.with_changes(seed=job.seed, precision=job.precision))
    if config.start.weights is not None:
        source = pretrained(replace(job, recipe=Path(config.start.weights).name), stream)
        config = config.with_changes(start=config.start.with_changes(weights=str(source.path)))
    path = stream_folder(job.out / f"{job.recipe}-seed{job.seed}", stream)
    return fit(config, job.store, path, resume=(path / "run.json").exists(), accelerator="cpu")


def stream_folder(run: Path, stream: str) -> Path:
    """Where a stream's run lies, beside that of the joints."""
    return run if stream == "joint" else run.with_name(f"{run.name}-{stream}")


def trained_streams(run: RunDir) -> Sequence[str]:
    """Streams that a method trains one by one; a method that trains several at once does so in the joints' run."""
    return STREAMS[:1] if isinstance(run.config.method, CrosSCLRConfig) else STREAMS


def tune(job: Job, run: RunDir, share: float) -> Result:
    """Fine-tune with a share of the labels; runs from scratch are shared by recipes with the same encoder."""
    config = fine_tuning(run.config, str(run.path))
    config = config.with_changes(
        train=config.train.with_changes(seed=job.seed), subset=config.subset.with_changes(fraction=share)
    )
    name, encoder = protocol_name(config), config.encoder.model_dump_json().encode()
    scratch = job.out / "scratch" / f"{store_name(job.store)}-{name}-{sha256(encoder).hexdigest()[:8]}"
    training = Training(resume=True, accelerator="cpu")
    return finetune(config, job.store, run.path / name, scratch=scratch, training=training)


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
    gain = [100 * (one.accuracy - twin.accuracy) for one, twin in zip(trained, twins, strict=bool(twins))]
    cells = (recipe, protocol, str(len(results)), over_seeds(trained), over_seeds(twins), over_seeds(coordinates))
    return f"| {' | '.join(cells)} | {f'{mean(gain):+.1f}' if gain else '-'} | {mean(took):.1f} |"


def over_seeds(scores: list[Score]) -> str:
    """Mean, deviation over seeds, and mean half width of the clips' 95 % interval, percent; "-" of no scores."""
    if not scores:
        return "-"
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
