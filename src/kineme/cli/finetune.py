"""``kineme finetune``: train a whole network on labels, from a pretrained run or by a recipe, and measure it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from kineme.cli.console import EXIT_STOPPED, console, errors, require_device
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.recipes.base import RunConfig

What = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|RECIPE")]
Accelerator = Literal["auto", "cpu", "cuda", "mps"]


def finetune(
    what: What,
    /,
    *,
    store: Path,
    out: Path | None = None,
    repeats: int = 1,
    best_val: bool = False,
    controls: bool = True,
    resume: bool = False,
    dry_run: bool = False,
    accelerator: Accelerator = "auto",
    devices: int = 1,
) -> int:
    """Train a whole network on labels and measure it on the test clips.

    Starts from the folder of a pretrained run, with the settings that its recipe has for this; or from a recipe that
    is supervised itself. All labels, or a share of them:

      kineme finetune runs/mamp --store ntu60.store
      kineme finetune runs/mamp --store ntu60.store --subset.fraction 0.1 --repeats 5
      kineme finetune runs/mamp --store ntu60.store --train.seed 1 --train.layer-decay 1
      kineme finetune runs/mamp --store pku2.store --split pku2-xsub --prepare.no-centre

    `kineme finetune RUN --help` lists every setting. The accuracy of the last epoch is the result; the best epoch on
    the test clips, as papers report it, stands beside it, and so does the same network trained from scratch.

    Args:
        what: folder of a pretrained run, or name of a supervised recipe.
        store: folder of the labelled store.
        out: folder of what is trained; by default within the run.
        repeats: trainings with seeds of their own, of which the mean is taken.
        best_val: find the best epoch on held-out subjects too, by a second training without them.
        controls: train from scratch too, and measure coordinate 1-NN.
        resume: go on with what is in --out.
        dry_run: print the resolved configuration and stop.
        accelerator: where to train.
        devices: how many devices.
    """
    # `specialise` puts the run's own command in place of this one wherever the run comes first.
    raise ConfigError(f"the run comes before its settings: kineme finetune {what} --store {store}")


def specialise(args: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command with the settings of the named run or recipe as its defaults, and the arguments that remain."""
    if not args or args[0].startswith("-"):
        return finetune, list(args)
    config, folder = _settings(args[0])
    return _command(config, folder), list(args[1:])


def _settings(what: str) -> tuple["RunConfig", Path]:
    """Configuration of the training, and the folder within which it goes."""
    from kineme.methods.supervised import SupervisedConfig
    from kineme.recipes.base import fine_tuning, recipe_config, recipes
    from kineme.train.run_dir import RunDir

    if what not in recipes.names():
        return fine_tuning(RunDir.open(what).config, what), Path(what)
    config = recipe_config(what)
    if not isinstance(config.method, SupervisedConfig):
        raise ConfigError(
            f"recipe {what} learns without labels; first: kineme pretrain {what} --store STORE, "
            f"then: kineme finetune runs/{what} --store STORE"
        )
    return config, Path("runs") / what


def _command(defaults: "RunConfig", folder: Path) -> Callable[..., int]:
    from kineme.recipes.base import RunConfig

    def finetune_run(
        *,
        store: Path | None = None,
        out: Path | None = None,
        repeats: int = 1,
        best_val: bool = False,
        controls: bool = True,
        resume: bool = False,
        dry_run: bool = False,
        accelerator: Accelerator = "auto",
        devices: int = 1,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Train a whole network on labels and measure it on the test clips.

        Args:
            store: folder of the labelled store.
            out: folder of what is trained; by default within the run.
            repeats: trainings with seeds of their own, of which the mean is taken.
            best_val: find the best epoch on held-out subjects too, by a second training without them.
            controls: train from scratch too, and measure coordinate 1-NN.
            resume: go on with what is in --out.
            dry_run: print the resolved configuration and stop.
            accelerator: where to train.
            devices: how many devices.
            config: settings of the training.
        """
        if dry_run:
            console.print_json(config.model_dump_json())
            return 0
        for name, value in (("repeats", repeats), ("devices", devices)):
            if value < 1:
                raise ConfigError(f"--{name} {value}: expected a number of {name}, at least 1")
        if accelerator != "auto":
            require_device(accelerator)
        if store is None:
            raise ConfigError("no store to train on; add --store STORE")
        target = out or folder / folder_name(config, defaults.split)
        return _run(config, store, target, repeats, best_val, controls, (resume, accelerator, devices))

    return finetune_run


def folder_name(config: "RunConfig", own_split: str | None) -> str:
    """Name of the folder within the run: the protocol, and the split where it is not the run's own."""
    from kineme.evaluate.finetune import protocol_name

    name = protocol_name(config)
    return name if config.split == own_split else f"{name}-{config.split}"


def _run(
    config: "RunConfig",
    store: Path,
    out: Path,
    repeats: int,
    best_val: bool,
    controls: bool,
    how: tuple[bool, str, int],
) -> int:
    from kineme.cli.evaluate import print_result
    from kineme.cli.pretrain import training_display
    from kineme.evaluate.finetune import Training, finetune
    from kineme.store import SkeletonStore
    from kineme.train.loop import InterruptedRunError

    training = Training(*how, display=lambda title: training_display(title=title))
    try:
        result = finetune(
            config,
            SkeletonStore.open(store),
            out,
            repeats=repeats,
            best_val=best_val,
            controls=controls,
            training=training,
        )
    except InterruptedRunError as stopped:
        errors.print(str(stopped), soft_wrap=True)
        return EXIT_STOPPED
    print_result(result)
    return 0
