"""What each part of a method gives on real N-UCLA: recipes with one part switched off at a time, several seeds.

    python -m benchmarks.ablations --data ../shared/realdata --out runs/accuracy

Trained on views 1 and 2, tested on view 3, after the last epoch. Runs that are finished are not repeated; those with
nothing switched off are the runs of `benchmarks.accuracy`. ``--table`` prints the Markdown of docs/benchmarks.md.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch

from benchmarks.accuracy import open_store, over_seeds, result_file, seconds
from kineme.evaluate.classifier import evaluate_classifier
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig, recipe_config
from kineme.store import SkeletonStore
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir

COMPLETE = "complete"
Change = Callable[[RunConfig], RunConfig]


def encoder(**changes: object) -> Change:
    """The same run with another encoder."""
    return lambda config: config.with_changes(encoder=config.encoder.with_changes(**changes))


def method(**changes: object) -> Change:
    """The same run with other settings of the method."""
    return lambda config: config.with_changes(method=config.method.with_changes(**changes))


@dataclass(frozen=True)
class Ablation:
    """Variants of a recipe, by name, and the protocol that judges them."""

    recipe: str
    protocol: str
    variants: Mapping[str, Change]


ABLATIONS = (
    Ablation(
        "danet-nucla",
        "classify",
        {
            COMPLETE: encoder(),
            "no cross-attention": encoder(cross=False),
            "no consistency": method(consistency=0.0),
            "neither": lambda config: method(consistency=0.0)(encoder(cross=False)(config)),
            "partners are the clips themselves": lambda config: config.with_changes(partner="itself"),
        },
    ),
    Ablation(
        "agrnet-nucla",
        "knn",
        {
            COMPLETE: encoder(),
            "no AAGA": encoder(aaga=False),
            "no ADGA": encoder(adga=False),
            "no PFM": encoder(pfm=False),
        },
    ),
)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=[each.recipe for each in ABLATIONS])
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [each for each in ABLATIONS if each.recipe in args.recipes]
    for seed in () if args.table else args.seeds:
        for ablation in chosen:
            store = open_store(ablation.recipe, data=args.data, out=args.out)
            for variant in ablation.variants:
                measure(ablation, variant, seed, store, args.out)
    print_table(chosen, args.out)


def measure(ablation: Ablation, variant: str, seed: int, store: SkeletonStore, out: Path) -> None:
    """Train and evaluate one variant with one seed, unless that is done."""
    path = folder(ablation, variant, seed, out)
    if result_file(path, ablation.protocol).exists():
        return
    config = ablation.variants[variant](recipe_config(ablation.recipe))
    config = config.with_changes(train=config.train.with_changes(seed=seed))
    run = fit(config, store, path, resume=(path / "run.json").exists(), accelerator="cpu")
    result = judged(run, store, ablation.protocol, seed)
    print(f"{path.name} {100 * result.metrics.last.accuracy:.1f}", flush=True)


def judged(run: RunDir, store: SkeletonStore, protocol: str, seed: int) -> Result:
    """Result of a run."""
    return evaluate_classifier(run, store) if protocol == "classify" else evaluate(run, store, protocol, seed=seed)


def folder(ablation: Ablation, variant: str, seed: int, out: Path) -> Path:
    """Where a variant is kept."""
    changed = "" if variant == COMPLETE else f"-{variant.replace(' ', '-')}"
    return out / f"{ablation.recipe}{changed}-seed{seed}"


def print_table(ablations: list[Ablation], out: Path) -> None:
    """Markdown: mean and deviation over seeds, and wall time."""
    print("| recipe | variant | protocol | seeds | accuracy | untrained twin | minutes |\n|" + " --- |" * 7)
    for ablation in ablations:
        for variant in ablation.variants:
            runs = sorted(out.glob(folder(ablation, variant, 0, out).name.removesuffix("0") + "[0-9]"))
            files = {run: file for run in runs if (file := result_file(run, ablation.protocol)).exists()}
            if files:
                cells = (ablation.recipe, variant, ablation.protocol, *row(files))
                print(f"| {' | '.join(cells)} |")


def row(files: Mapping[Path, Path]) -> tuple[str, ...]:
    """Cells of a variant's runs: seeds, accuracy, that of the twin, minutes."""
    results = [Result.load(file) for file in files.values()]
    twins = [result.untrained.last for result in results if result.untrained is not None]
    took = mean(seconds(run) for run in files) / 60
    trained = [result.metrics.last for result in results]
    return str(len(results)), over_seeds(trained), over_seeds(twins), f"{took:.1f}"


if __name__ == "__main__":
    main()
