"""``kineme pretrain``: a recipe, a store, and any field of the recipe changed by its dotted name."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from kineme.cli.console import EXIT_STOPPED, console, errors, progress_bar, require_device
from kineme.cli.run_method import require_numbers
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.recipes.base import RunConfig
    from kineme.store import SkeletonStore
    from kineme.train.loop import Report

RecipeName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
Accelerator = Literal["auto", "cpu", "cuda", "mps"]


def pretrain(
    recipe: RecipeName,
    /,
    *,
    store: Path,
    out: Path | None = None,
    config: Path | None = None,
    monitor: int | None = None,
    resume: bool = False,
    dry_run: bool = False,
    accelerator: Accelerator = "auto",
    devices: int = 1,
) -> int:
    """Learn a representation from the clips of a store, without their labels; supervised recipes learn classes.

    `kineme recipes` lists the recipes; `kineme pretrain RECIPE --help` lists every setting of one, each of which can
    be changed here by its dotted name, as in --train.epochs 100 --method.mask-ratio 0.8.

    All others look at labels with --monitor N alone, which changes nothing of the training: every N epochs the clips
    of held-out training subjects are classified by their nearest neighbours.

    Ctrl-C stops after the current step and saves; --resume goes on and ends with the same weights as if nothing
    had happened.

    Args:
        recipe: name of a recipe; leave it out with --config.
        store: folder of the store.
        out: folder of the run; runs/RECIPE by default.
        config: replay a run from its run.json instead of naming a recipe.
        monitor: epochs from one accuracy of nearest neighbours to the next; never measured by default.
        resume: go on with the run that is in --out.
        dry_run: print the resolved configuration and stop.
        accelerator: where to train.
        devices: how many devices.
    """
    # `specialise` puts the recipe's own command in place of this one wherever the recipe comes first.
    raise ConfigError(f"the recipe comes before its settings: kineme pretrain {recipe} --store {store}")


def specialise(args: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the named recipe as its defaults, and the arguments that remain."""
    rest = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--config=") else [arg])]
    if rest and not rest[0].startswith("-"):
        from kineme.recipes.base import recipe_config

        return _command(recipe_config(rest[0])), rest[1:]
    if "--config" in rest[:-1]:
        place = rest.index("--config")
        config = _replayed(Path(rest[place + 1]))
        return _command(config), rest[:place] + rest[place + 2 :]
    return pretrain, rest


def recipe_first(
    args: Sequence[str], plain: Callable[..., int], command: "Callable[[RunConfig], Callable[..., int]]"
) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the recipe that comes first as its defaults, and the arguments that remain;
    the plain one, with all arguments, where none comes first."""
    if not args or args[0].startswith("-"):
        return plain, list(args)
    from kineme.recipes.base import recipe_config

    return command(recipe_config(args[0])), list(args[1:])


def _replayed(file: Path) -> "RunConfig":
    """Configuration in a run.json, or a configuration by itself."""
    from kineme.config import read_json
    from kineme.recipes.base import RunConfig
    from kineme.train.run_dir import RunRecord

    data = read_json(file)
    if "config" in data:
        return RunRecord.parse(data, where=str(file)).config
    return RunConfig.parse(data, where=str(file))


def _command(defaults: "RunConfig") -> Callable[..., int]:
    from kineme.recipes.base import RunConfig
    from kineme.store import SkeletonStore

    def run_recipe(
        *,
        store: Path | None = None,
        out: Path | None = None,
        monitor: int | None = None,
        resume: bool = False,
        dry_run: bool = False,
        accelerator: Accelerator = "auto",
        devices: int = 1,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Learn a representation from the clips of a store, without their labels; supervised recipes learn classes.

        Args:
            store: folder of the store.
            out: folder of the run; runs/RECIPE by default.
            monitor: epochs from one accuracy of nearest neighbours to the next; never measured by default.
            resume: go on with the run that is in --out.
            dry_run: print the resolved configuration and stop.
            accelerator: where to train.
            devices: how many devices.
            config: settings of the recipe.
        """
        if dry_run:
            console.print_json(config.model_dump_json())
            return 0
        require_numbers(devices=(devices, 1))
        if monitor is not None:
            require_numbers(monitor=(monitor, 1))
        if accelerator != "auto":
            require_device(accelerator)
        if store is None:
            raise ConfigError("no store to learn from; add --store STORE")
        target = out or Path("runs") / (config.recipe or config.method.name)
        return _run(config, SkeletonStore.open(store), target, monitor, resume, accelerator, devices)

    return run_recipe


def _run(
    config: "RunConfig",
    store: "SkeletonStore",
    out: Path,
    monitor: int | None,
    resume: bool,
    accelerator: str,
    devices: int,
) -> int:
    from kineme.evaluate.monitor import Monitor
    from kineme.methods import ClassifierConfig
    from kineme.train.loop import InterruptedRunError, fit

    watch = None if monitor is None else Monitor(config, store, out, monitor)
    try:
        with training_display(beside=lambda: "" if watch is None else watch.note) as on_step:
            run = fit(
                config,
                store,
                out,
                resume=resume,
                accelerator=accelerator,
                devices=devices,
                on_step=on_step,
                on_epoch=watch,
            )
    except InterruptedRunError as stopped:
        errors.print(f"{stopped} --out {out}", soft_wrap=True)
        return EXIT_STOPPED
    protocol = "classify" if isinstance(config.method, ClassifierConfig) else "linear"
    measure = f"kineme eval {protocol} {run.path} --store {store.path}"
    console.print(f"trained: {run.path}\nmeasure it: {measure}", soft_wrap=True)
    return 0


@contextmanager
def training_display(
    lines: int = 10, title: str = "training", beside: Callable[[], str] = lambda: ""
) -> "Iterator[Callable[[Report], None]]":
    """Live bar with loss, throughput and what is told ``beside``; about ``lines`` plain lines elsewhere."""
    began, printed, loss = time.monotonic(), 0, "–"
    with progress_bar(title, "steps") as update:

        def on_step(report: "Report") -> None:
            nonlocal printed, loss
            loss = loss if report.loss is None else f"{report.loss:.4f}"
            rate = report.clips / (time.monotonic() - began)
            note = f"epoch {report.epoch:.1f}  loss {loss}  {rate:,.0f} clips/s  {beside()}".rstrip()
            update(report.step, report.steps, note)
            if not errors.is_terminal and report.step * lines // report.steps > printed:
                printed = report.step * lines // report.steps
                errors.print(f"{title}: step {report.step}/{report.steps}  {note}")

        yield on_step
