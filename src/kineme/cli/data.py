"""``kineme data``: what is in raw downloads and stores, and stores in other forms."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import EXIT_ERROR, console, progress_bar
from kineme.cli.data_prepare import DatasetName, Raw
from kineme.cli.store_tables import print_details, print_report, print_store

Store = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


def check(
    dataset: DatasetName, raw: Raw, /, *, jobs: int = 1, dask: str | None = None, report: Path | None = None
) -> int:
    """Read every raw file of a download and name each broken one with file and line; nothing is changed.

    Ends with status 1 where files are broken.

    Args:
        dataset: name of the dataset; kineme datasets lists them.
        raw: folder with the raw files, however they were unpacked; zip archives in it are looked into.
        jobs: worker processes; -1 for all cores.
        dask: address of a Dask scheduler (tcp://host:8786) whose workers do the work instead; they must see RAW.
        report: also write everything that was found to this JSON file.
    """
    from kineme.datasets import datasets
    from kineme.datasets.prepare import check as check_files

    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("checking", "recordings") as update:
        found = check_files(datasets.get(dataset)(), raw, jobs=jobs, dask=dask, progress=update)
    print_report(found)
    if report is not None:
        found.save(report)
    return 0 if found.ok else EXIT_ERROR


def convert(store: Store, /, *, layout: str, out: Path) -> None:
    """Change the joint layout of a store: joints are matched by name, missing ones made from their neighbours.

    Args:
        store: folder of a store.
        layout: layout to convert to, built in or the path of a .toml.
        out: folder of the store to make; must not exist.
    """
    from kineme.layout import Layout
    from kineme.store import SkeletonStore
    from kineme.store_convert import convert_store

    print_store(convert_store(SkeletonStore.open(store), Layout.get(layout), out))


def export(store: Store, /, *, format: str, out: Path, split: str = "") -> None:
    """Write a store in a format that the field's own code reads.

    Args:
        store: folder of a store.
        format: mamp (one .npz), stgcn (.npy and .pkl), sgn or pyskl; docs/export.md explains them.
        out: file or folder to make; must not exist.
        split: which clips train and which test, such as ntu60-xsub; sgn needs none.
    """
    from kineme.exporters import exporters
    from kineme.store import SkeletonStore

    write = exporters.get(format)
    with progress_bar("exporting", "clips") as update:
        files = write(SkeletonStore.open(store), split, out, progress=update)
    for file in files:
        console.print(str(file), soft_wrap=True)


def info(store: Store, /, *, as_json: bool = False) -> None:
    """Say what is in a store: clips per class, subject and view, lengths, missing joints, and where it comes from.

    Args:
        store: folder of a store.
        as_json: print JSON instead of a table.
    """
    from kineme.store import SkeletonStore
    from kineme.store_summary import store_summary

    opened = SkeletonStore.open(store)
    if as_json:
        console.print_json(data=store_summary(opened))
    else:
        print_details(opened)


def show(store: Store, /, *, out: Path = Path("clips.png"), clips: int = 24, ids: tuple[str, ...] = ()) -> None:
    """Draw clips of a store as stick figures on one page, to see whether it holds what it should.

    Args:
        store: folder of a store.
        out: picture to write; its ending says which format (png, pdf, svg).
        clips: how many, from all classes in turn.
        ids: draw these clips instead.
    """
    from kineme.store import SkeletonStore
    from kineme.viz.contact_sheet import contact_sheet

    opened = SkeletonStore.open(store)
    title = f"{store.name}: {len(opened)} clips, {opened.layout.name}"
    console.print(str(contact_sheet(opened, out, num_clips=clips, ids=ids, title=title)), soft_wrap=True)
