"""``kineme eval fusion``: several streams judge together."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from kineme.cli.console import progress_bar, require_device
from kineme.cli.evaluate import Controls, Device, Seed, Split, Store, print_result

Runs = Annotated[
    tuple[Path, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="RUN...", help="folders of runs of one stream each, or of one run of several (crosclr)"),
]
StreamWeights = Annotated[
    tuple[float, ...] | None,
    tyro.conf.arg(help="one per stream in their order; by default 0.6 for joint and bone, 0.4 for their motion"),
]
Scorer = Annotated[
    Literal["linear", "logreg", "common", "knn", "classify"],
    tyro.conf.arg(help="what scores the classes; classify: the own heads of trained classifiers"),
]


def fusion(
    runs: Runs,
    /,
    *,
    store: Store,
    weights: StreamWeights = None,
    protocol: Scorer = "linear",
    split: Split = None,
    seed: Seed = 0,
    controls: Controls = True,
    device: Device = "cpu",
) -> None:
    """Weighted sum of the class scores of several streams, clip by clip.

      kineme eval fusion runs/joint runs/motion runs/bone --store ntu60.store

      kineme eval fusion runs/joint runs/bone --store nucla.store --protocol classify

    Each run is probed as by itself; its last epoch, or its protocol's default setting, gives the scores. Trained
    classifiers give logarithms of probabilities. The accuracy of every stream alone stands below the table, and the
    fusion of the untrained twins in it, where there are any.
    """
    from kineme.errors import ConfigError
    from kineme.evaluate.fusion import evaluate_fusion
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir

    if not runs:
        raise ConfigError("no runs; give them first: kineme eval fusion RUN RUN --store STORE")
    if seed < 0:
        raise ConfigError(f"--seed {seed}: expected a whole number from 0")
    require_device(device)
    opened = [RunDir.open(run) for run in runs]
    with progress_bar("eval fusion", "clips") as update:
        result = evaluate_fusion(
            opened,
            SkeletonStore.open(store),
            weights=weights,
            protocol=protocol,
            split=split,
            seed=seed,
            controls=controls,
            device=device,
            progress=lambda what, done, total: update(done, total, what),
        )
    print_result(result)
