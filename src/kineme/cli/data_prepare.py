"""``kineme data prepare``: a raw download becomes a store; datasets may have options of their own."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from kineme.cli.console import progress_bar
from kineme.cli.options import own_options, with_options
from kineme.cli.store_tables import print_report, print_store
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.datasets.base import Dataset

DatasetName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
Raw = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RAW")]


def prepare(
    dataset: DatasetName,
    raw: Raw,
    /,
    *,
    out: Path,
    preparation: str = "default",
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = True,
) -> None:
    """Turn a raw download into a skeleton store. Broken files are reported and left out.

    An interrupted preparation goes on where it stopped when the same command is given again. `kineme datasets` lists
    the datasets; `kineme data prepare DATASET --help` explains the preparations of one, and its own options.

    Args:
        dataset: name of the dataset.
        raw: folder with the raw files, however they were unpacked; zip archives in it are looked into.
        out: folder of the store to make; must not exist.
        preparation: how clips are made from the raw data.
        jobs: worker processes; -1 for all cores. The store is the same for any number.
        dask: address of a Dask scheduler (tcp://host:8786) whose workers do the work instead; they must see RAW.
        resume: go on with what an interrupted preparation left; --no-resume starts over.
    """
    # `specialise` puts the dataset's own command in place of this one wherever the dataset comes first.
    raise ConfigError(f"the dataset comes before its options: kineme data prepare {dataset} {raw} --out {out}")


def specialise(args: Sequence[str]) -> tuple[Callable[..., None], list[str]]:
    """The command with the options of the named dataset, and the arguments that remain."""
    if not args or args[0].startswith("-"):
        return prepare, list(args)
    from kineme.datasets import datasets

    return command_for(datasets.get(args[0])), list(args[1:])


def command_for(kind: "type[Dataset]") -> Callable[..., None]:
    """The command with the options of one dataset."""
    from kineme.datasets.base import Dataset
    from kineme.datasets.prepare import prepare as prepare_store

    options: Any = own_options(kind, Dataset)
    defaults = options()

    def prepare_dataset(
        raw: Raw,
        /,
        *,
        out: Path,
        preparation: str = "default",
        jobs: int = 1,
        dask: str | None = None,
        resume: bool = True,
        own: Any = defaults,
    ) -> None:
        dataset = kind(preparation=preparation, **asdict(own))
        with progress_bar("preparing", "recordings") as update:
            store, report = prepare_store(dataset, raw, out, jobs=jobs, dask=dask, resume=resume, progress=update)
        print_report(report)
        print_store(store)

    prepare_dataset.__annotations__["preparation"] = Literal[kind.preparations]
    with_options(prepare_dataset, options, f"Turn a raw download of {kind.name} into a skeleton store.", kind, prepare)
    return prepare_dataset
