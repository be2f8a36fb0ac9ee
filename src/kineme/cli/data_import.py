"""``kineme data import``: recordings of one's own, in a common format, become a store."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kineme.cli.console import console, progress_bar
from kineme.cli.options import own_options, with_options
from kineme.cli.store_tables import print_report, print_store
from kineme.errors import ConfigError

if TYPE_CHECKING:
    from kineme.importers import Importer

Recordings = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]


def import_recordings(
    path: Recordings,
    /,
    *,
    out: Path,
    format: str = "",
    layout: str = "",
    labels: Path | None = None,
    fps: float = 0.0,
    jobs: int = 1,
    resume: bool = True,
) -> None:
    """Turn recordings of your own into a skeleton store; labels are optional.

    `kineme formats` lists the formats, docs/importing explains each; `kineme data import PATH --format NAME --help`
    lists the options of one.

    Args:
        path: folder, zip archive or file.
        out: folder of the store to make; must not exist.
        format: what the files are; needed only where their endings do not say.
        layout: joint layout, built in (kineme layouts) or the path of your own .toml; some formats have one of their
            own.
        labels: CSV file with a column id and any of label, subject, camera, setup, replication and split.
        fps: frames per second, where the files do not say or are wrong.
        jobs: worker processes; -1 for all cores.
        resume: go on with what an interrupted import left; --no-resume starts over.
    """
    # `specialise` puts the format's own command in place of this one wherever the path comes first.
    raise ConfigError(f"the path comes before its options: kineme data import {path} --out {out}")


def specialise(args: Sequence[str]) -> tuple[Callable[..., None], list[str]]:
    """The command with the options of the format that is named or that the path's ending tells."""
    told = ("--format=", "--labels=")
    rest = [part for arg in args for part in (arg.split("=", 1) if arg.startswith(told) else [arg])]
    if not rest or rest[0].startswith("-"):
        return import_recordings, rest
    from kineme.importers import importers

    if "--format" in rest[:-1]:
        place = rest.index("--format")
        return command_for(importers.get(rest[place + 1])), rest[:place] + rest[place + 2 :]
    labels = rest[rest.index("--labels") + 1] if "--labels" in rest[:-1] else ""
    return command_for(importers.get(_format_of(Path(rest[0]), Path(labels)))), rest


def _format_of(path: Path, labels: Path) -> str:
    """The one format whose files end like those at a path, the table of labels apart.

    An ending of several formats counts only where there is no other: BVH files may have JSON files beside them.

    Raises:
        ConfigError: none, or more than one.
        SourceError: nothing readable there.
    """
    from kineme.datasets.raw_files import walk
    from kineme.importers import importers

    endings = {file.suffix for file in walk(path) if file.path.resolve() != labels.resolve()}
    by_ending: dict[str, list[str]] = {}
    for name, kind in importers.items():
        if kind.suffix in endings:
            by_ending.setdefault(kind.suffix, []).append(name)
    alone = [names[0] for names in by_ending.values() if len(names) == 1]
    names = alone or [name for names in by_ending.values() for name in names]
    if len(names) != 1:
        found = f"{' and '.join(sorted(endings)[:5])} files" if endings else "no files"
        choice = ", ".join(names or importers.names())
        raise ConfigError(f"{path}: {found} can be of several formats or none; add --format, one of {choice}")
    return names[0]


def command_for(kind: "type[Importer]") -> Callable[..., None]:
    """The command with the options of one format."""
    from kineme.datasets.prepare import prepare
    from kineme.datasets.report import Finding
    from kineme.importers import Importer

    options: Any = own_options(kind, Importer)
    defaults = options()

    def import_format(
        path: Recordings,
        /,
        *,
        out: Path,
        layout: str = "",
        labels: Path | None = None,
        fps: float = 0.0,
        jobs: int = 1,
        resume: bool = True,
        own: Any = defaults,
    ) -> None:
        importer = kind(path=path, joints=layout, labels=labels, fps=fps, **asdict(own))
        with progress_bar("importing", "recordings") as update:
            store, report = prepare(importer, path, out, jobs=jobs, resume=resume, progress=update)
        for id in importer.table.unused(store.ids.tolist()):
            report.notes.append(Finding(str(labels), f"names {id}, which is not among the recordings"))
        print_report(report)
        print_store(store)
        if not store.classes:
            console.print("no labels: fine for pretraining; evaluation needs --labels")

    with_options(
        import_format,
        options,
        f"Turn recordings in the format {kind.name} into a skeleton store; labels are optional.",
        kind,
        import_recordings,
    )
    return import_format
