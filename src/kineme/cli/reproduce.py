"""``kineme reproduce``: a whole table, from stores to figures."""

import os
import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table as Drawn

from kineme.cli.console import EXIT_ERROR, EXIT_STOPPED, console, errors, progress_bar, require_device
from kineme.cli.pretrain import Accelerator, training_display
from kineme.cli.run_method import require_numbers
from kineme.train.config import Precision

if TYPE_CHECKING:
    from kineme.reproduce.page import Line
    from kineme.reproduce.pool import Outcome, Task
    from kineme.reproduce.tables import Table

TableName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TABLE")]


def reproduce(
    table: TableName,
    /,
    *,
    stores: Path,
    out: Path | None = None,
    seeds: int = 3,
    recipes: tuple[str, ...] = (),
    protocols: tuple[str, ...] = (),
    precision: Precision | None = None,
    accelerator: Accelerator = "auto",
    workers: int | None = None,
    threads: int = 1,
    show: bool = False,
    page: Path | None = None,
    figure: Path | None = None,
) -> int:
    """Train and measure everything in a table of results, and show ours beside the published.

      kineme reproduce small --stores stores
      kineme reproduce mamp --stores stores --recipes mamp-ntu60-* --protocols linear finetune
      kineme reproduce ntu60-xsub --stores stores --seeds 5

    Tables are `small`, every method on six small datasets; `ablations`, DANet and AgRNet with one part switched off
    at a time; and one for every method and every split with published numbers. Nothing is done twice: after a stop
    of whatever kind, the same command goes on. Several commands may share an --out.

    Args:
        table: small, ablations, a method such as mamp, or a split such as ntu60-xsub.
        stores: folder of stores, each named after its dataset: nucla.store, ntu60.store.
        out: folder of all runs, and of TABLE.md and TABLE.json; runs/TABLE by default.
        seeds: how many, from 0 on.
        recipes: only these rows; patterns such as mamp-* are allowed.
        protocols: only these protocols.
        precision: of pretraining and supervised training; that of the recipes by default.
        accelerator: where to train and evaluate.
        workers: trainings at once; by default one per CUDA device, or else one per processor core.
        threads: processor threads of each.
        show: train nothing, show what is there.
        page: write the page of Markdown here too.
        figure: draw accuracy against the operations of training into this picture (png, pdf, svg).
    """
    from kineme.reproduce.tables import get_table
    from kineme.viz.compute_figure import compute_figure
    from kineme.viz.drawing_file import require_picture

    if figure is not None:
        require_picture(figure)
    require_numbers(seeds=(seeds, 1))
    chosen = get_table(table, stores).only(recipes, protocols)
    if precision is not None:
        chosen = chosen.at_precision(precision)
    chosen.require_stores()
    folder = out or Path("runs") / table
    status = 0 if show else run_table(chosen, range(seeds), folder, accelerator, workers, threads)
    command = ["kineme", "reproduce", table, "--stores", str(stores), "--seeds", str(seeds)]
    found = show_table(chosen, range(seeds), folder, shlex.join(command), page)
    if figure is not None and found:
        console.print(str(compute_figure(found, figure)), soft_wrap=True)
    return status


def run_table(
    table: "Table", seeds: Sequence[int], out: Path, accelerator: Accelerator, workers: int | None, threads: int
) -> int:
    """Run what is missing of a table; the exit status."""
    from kineme.reproduce.experiments import Job
    from kineme.reproduce.pool import Task

    require_numbers(threads=(threads, 1), workers=(1 if workers is None else workers, 1))
    if accelerator != "auto":
        require_device(accelerator)
    tasks = [
        Task(Job(experiment, seed, out, accelerator), row.protocols)
        for seed in seeds
        for row in table.rows
        for experiment in row.experiments
    ]
    missing = [task for task in tasks if task.missing]
    at_once = min(workers or _workers(threads), max(len(missing), 1))
    out.mkdir(parents=True, exist_ok=True)
    finished, failed = _run(missing, at_once, threads)
    if not finished:
        errors.print("stopped; nothing is lost, the same command goes on")
        return EXIT_STOPPED
    return EXIT_ERROR if failed else 0


def _workers(threads: int) -> int:
    import torch

    return torch.cuda.device_count() or max((os.cpu_count() or 1) // threads, 1)


def _run(tasks: "Sequence[Task]", workers: int, threads: int) -> tuple[bool, int]:
    """Whether all tasks ended of themselves, and how many failed."""
    from kineme.reproduce.pool import run_all, shown

    if workers == 1:  # every training has a bar of its own
        tasks = [shown(task, lambda title: training_display(lines=1, title=title)) for task in tasks]
    ended: list[Outcome] = []
    with nullcontext() if workers == 1 else progress_bar("trainings", "") as update:

        def told(outcome: "Outcome") -> None:
            ended.append(outcome)
            _tell(outcome)
            if update is not None:
                update(len(ended), len(tasks))

        finished = run_all(tasks, workers, threads, told)
    return finished, sum(1 for outcome in ended if outcome.error)


def _tell(outcome: "Outcome") -> None:
    for protocol, result in outcome.results.items():
        errors.print(f"{outcome.task.job.name} {protocol}: {100 * result.metrics.last.accuracy:.1f} %")
    if outcome.error:
        errors.print(f"{outcome.task.job.name}: {outcome.error}", style="red", soft_wrap=True)


def show_table(table: "Table", seeds: Sequence[int], out: Path, command: str, page: Path | None = None) -> "list[Line]":
    """Print what was measured, and write it as Markdown and JSON; what is shown."""
    from kineme.reproduce.page import as_json, lines, markdown
    from kineme.train.run_dir import write_atomically

    found = lines(table, seeds, out)
    if not found:
        errors.print(f"{out}: nothing is measured of table {table.name} yet", soft_wrap=True)
        return found
    console.print(_drawn(found))
    text = markdown(table, found, command).encode()
    for file in (out / f"{table.name}.md", *([] if page is None else [page])):
        write_atomically(file, text)
        console.print(str(file), soft_wrap=True)
    write_atomically(out / f"{table.name}.json", as_json(found).encode())
    return found


def _drawn(found: "Sequence[Line]") -> Drawn:
    from kineme.reproduce.page import difference, ends, percent, with_deviation

    beside = any(line.published for line in found)
    drawn = Drawn()
    for column in ("what", "protocol"):
        drawn.add_column(column, overflow="fold")
    for column in ("seeds", "ours %", "95 %", "control", "1-NN", *(("published", "difference") if beside else ())):
        drawn.add_column(column)
    for line in found:
        summary = line.summary
        controls = (percent(summary.untrained), percent(summary.nearest))
        cells = [str(summary.seeds), with_deviation(summary), ends(summary), *controls]
        if beside:
            told = " / ".join(f"{value:g}" for value in line.published)
            cells += [f"{told} ({line.rules})" if told else "", difference(line)]
        drawn.add_row(line.row.name, line.protocol, *cells)
    return drawn
