"""``kineme finetune``: train a whole network on labels, from a pretrained run or by a recipe, and measure it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from kineme.cli.console import EXIT_STOPPED, console, errors, require_device
from kineme.cli.pretrain import Accelerator, training_display
from kineme.cli.run_method import require_numbers
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.recipes.base import RunConfig

What = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|RECIPE")]


@dataclass(frozen=True)
class Options:
    """What is said of a training beside its settings."""

    store: Path | None = None
    """folder of the labelled store"""
    out: Path | None = None
    """folder of what is trained; by default within the run"""
    repeats: int = 1
    """trainings with seeds of their own, of which the mean is taken"""
    best_val: bool = False
    """find the best epoch on held-out subjects too, by a second training without them"""
    controls: bool = True
    """train from scratch too, and measure coordinate 1-NN"""
    resume: bool = False
    """go on with what is in --out"""
    dry_run: bool = False
    """print the resolved configuration and stop"""
    accelerator: Accelerator = "auto"
    """where to train"""
    devices: int = 1
    """how many devices"""


OwnOptions = Annotated[Options, tyro.conf.arg(name="")]
DEFAULTS = Options()


def finetune(what: What, /, *, options: OwnOptions = DEFAULTS) -> int:
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
        options: what is said beside the settings.
    """
    # `specialise` puts the run's own command in place of this one wherever the run comes first.
    raise ConfigError(f"the run comes before its settings: kineme finetune {what} --store {options.store or 'STORE'}")


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
        options: OwnOptions = DEFAULTS,
        config: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
    ) -> int:
        """Train a whole network on labels and measure it on the test clips.

        Args:
            options: what is said beside the settings.
            config: settings of the training.
        """
        if options.dry_run:
            console.print_json(config.model_dump_json())
            return 0
        require_numbers(repeats=(options.repeats, 1), devices=(options.devices, 1))
        if options.accelerator != "auto":
            require_device(options.accelerator)
        if options.store is None:
            raise ConfigError("no store to train on; add --store STORE")
        target = options.out or folder / folder_name(config, defaults.split)
        return _run(config, options.store, target, options)

    return finetune_run


def folder_name(config: "RunConfig", own_split: str | None) -> str:
    """Name of the folder within the run: the protocol, and the split where it is not the run's own."""
    from kineme.evaluate.finetune import protocol_name

    name = protocol_name(config)
    return name if config.split == own_split else f"{name}-{config.split}"


def _run(config: "RunConfig", store: Path, out: Path, options: Options) -> int:
    from kineme.cli.evaluate import print_result
    from kineme.evaluate.finetune import Training, finetune
    from kineme.store import SkeletonStore
    from kineme.train.loop import InterruptedRunError

    how = (options.resume, options.accelerator, options.devices)
    try:
        result = finetune(
            config,
            SkeletonStore.open(store),
            out,
            repeats=options.repeats,
            best_val=options.best_val,
            controls=options.controls,
            training=Training(*how, display=lambda title: training_display(title=title)),
        )
    except InterruptedRunError as stopped:
        errors.print(str(stopped), soft_wrap=True)
        return EXIT_STOPPED
    print_result(result)
    return 0
