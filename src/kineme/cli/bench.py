"""``kineme bench``: how fast recipes train on this machine, and how long the whole would take."""

import json
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from kineme.cli.console import EXIT_ERROR, console, errors, progress_bar, require_device
from kineme.cli.pretrain import Accelerator
from kineme.cli.run_method import require_numbers
from kineme.errors import KinemeError
from kineme.train.config import Precision

if TYPE_CHECKING:
    from kineme.store import SkeletonStore
    from kineme.train.throughput import Throughput

RecipeNames = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]


def bench(
    recipes: RecipeNames = (),
    /,
    *,
    store: Path | None = None,
    steps: int = 10,
    batch_size: int | None = None,
    clips: int | None = None,
    accelerator: Accelerator = "auto",
    precision: Precision | None = None,
    threads: int | None = None,
    json: Path | None = None,
) -> int:
    """Time training steps of recipes on this machine, and tell how long the whole training would take.

      kineme bench
      kineme bench mamp-ntu60-xsub skeletonclr-ntu60-xsub --precision bf16-mixed
      kineme bench mamp-* --store nucla.store

    Trains for a few steps from fresh weights and keeps nothing. Where a step would take long on this machine, it has
    fewer clips than the recipe says.

    Args:
        recipes: names, or patterns such as mamp-*; the compact recipe of every method by default.
        store: folder of a store to take clips from, where it has the joints of the recipe's dataset; without one, clips
            are made up in the shape of that dataset.
        steps: how many are timed.
        batch_size: clips per step; those of the recipe by default.
        clips: training clips of an epoch; as many as the recipe's dataset or the store has by default.
        accelerator: where to train.
        precision: of training; that of the recipes by default.
        threads: processor threads; torch decides by default.
        json: write everything that was measured into this file too.
    """
    import torch

    from kineme.store import SkeletonStore

    least = {"steps": steps, "batch-size": batch_size, "clips": clips, "threads": threads}
    require_numbers(**{name: (value, 1) for name, value in least.items() if value is not None})
    if accelerator != "auto":
        require_device(accelerator)
    names, opened = _chosen(recipes), None if store is None else SkeletonStore.open(store)
    if threads is not None:
        torch.set_num_threads(threads)
    _warn_if_busy()
    results = []
    for number, name in enumerate(names, start=1):
        try:
            title = f"{name} ({number}/{len(names)})"
            results.append(_measured(name, title, opened, steps, batch_size, clips, accelerator, precision))
        except KinemeError as error:
            errors.print(f"{name}: {error}", style="red", soft_wrap=True)
    if results:
        _show(results)
        if json is not None:
            _write(results, json)
    return EXIT_ERROR if len(results) < len(names) else 0


def _warn_if_busy() -> None:
    """Threads that wait for each other lose many times their share where others compute."""
    load, processors = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > processors:
        errors.print(
            f"other programs are busy on this machine (load {load:.1f}, {processors} processors): what follows is far "
            f"too slow; wait for them, or try --threads 1, which suffers less",
            style="yellow",
            soft_wrap=True,
        )


def _chosen(patterns: Sequence[str]) -> list[str]:
    """Recipes that patterns name, each once; by default the last compact one of every method.

    Raises:
        UnknownNameError: a pattern that fits none.
    """
    from kineme.recipes.base import recipe_config
    from kineme.recipes.base import recipes as registry

    known = registry.names()
    if not patterns:
        compact = [name for name in known if name.endswith("-compact")]
        return list({recipe_config(name).method.name: name for name in compact}.values())
    found = {pattern: [name for name in known if fnmatchcase(name, pattern)] for pattern in patterns}
    for pattern, names in found.items():
        if not names:
            registry.get(pattern)
    return list(dict.fromkeys(name for names in found.values() for name in names))


def _measured(
    name: str,
    title: str,
    store: "SkeletonStore | None",
    steps: int,
    batch_size: int | None,
    clips: int | None,
    accelerator: Accelerator,
    precision: Precision | None,
) -> "Throughput":
    """One recipe under a bar of its own."""
    from kineme.recipes.base import recipe_config
    from kineme.train.stand_in import timed_clips
    from kineme.train.throughput import measure_throughput

    config = recipe_config(name)
    if precision is not None:
        config = config.with_changes(train=config.train.with_changes(precision=precision))
    with progress_bar(title, "steps") as update:
        return measure_throughput(
            config,
            timed_clips(config, store, clips),
            steps=steps,
            batch_size=batch_size,
            accelerator=accelerator,
            progress=lambda what, done, total: update(done, total, what),
        )


def _show(results: "Sequence[Throughput]") -> None:
    """How fast, how long, and what else to know."""
    console.print(_speeds(results))
    console.print(_durations(results))
    for device, threads, precision in dict.fromkeys((each.device, each.threads, each.precision) for each in results):
        console.print(f"on {device}, processor threads: {threads}, {precision}")
    console.print("of peak: beside the fastest product of two matrices, in the same precision and just before")
    made_up = sorted({each.layout for each in results if not each.store})
    if made_up:
        console.print(f"clips were made up ({', '.join(made_up)}) where no --store has the joints that a recipe wants")
    for each in results:
        if each.limit != "none":
            why = "would take long" if each.limit == "time" else "do not fit into memory"
            console.print(f"{each.recipe}: {each.clips} clips a step, since its {each.batch_size} {why} here")
    console.print("other work on the machine moves all times; the first steps of a training stand for the whole")


def _speeds(results: "Sequence[Throughput]") -> Table:
    table = _table("training", "clips a step", "s a step", "clips/s", "for views", "GFLOP/clip", "GFLOP/s", "of peak")
    memory = any(each.peak_memory is not None for each in results)
    if memory:
        table.add_column("GiB")
    for each in results:
        cells = [
            f"{each.clips:,}",
            f"{each.seconds_per_step:.3g}",
            f"{each.clips_per_second:,.1f}",
            f"{100 * each.views_share:.1f} %",
            f"{each.flops_per_clip / 1e9:.3g}",
            f"{each.flops_per_second / 1e9:,.0f}",
            f"{100 * each.utilisation:.0f} %",
        ]
        if memory:
            cells.append("" if each.peak_memory is None else f"{each.peak_memory / 2**30:.2f}")
        table.add_row(each.recipe, *cells)
    return table


def _durations(results: "Sequence[Throughput]") -> Table:
    table = _table("the whole", "clips", "epochs", "training", "encoded clips/s", "views", "encoding for a probe")
    for each in results:
        table.add_row(
            each.recipe,
            f"{each.train_clips:,}",
            f"{each.epochs:,}",
            duration(each.training_seconds),
            f"{each.encoded_per_second:,.1f}",
            f"{each.views}",
            duration(each.probe_seconds),
        )
    return table


def _table(what: str, *columns: str) -> Table:
    table = Table()
    table.add_column(what, overflow="fold")
    for column in columns:
        table.add_column(column)
    return table


def duration(seconds: float) -> str:
    """Days, hours and minutes; seconds below a minute, or ten."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def _write(results: "Sequence[Throughput]", file: Path) -> None:
    import torch

    import kineme
    from kineme.train.run_dir import write_atomically

    measured = [result.model_dump(mode="json") for result in results]
    content = {"kineme": kineme.__version__, "torch": torch.__version__, "recipes": measured}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(content, indent=1).encode())
    console.print(str(file), soft_wrap=True)
