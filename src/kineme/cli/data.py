"""``kineme data``: from raw downloads and arrays to stores."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from kineme.cli.console import EXIT_ERROR, console, progress_bar

if TYPE_CHECKING:
    from kineme.datasets.prepare import Report
    from kineme.store import SkeletonStore

DatasetName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
Raw = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RAW")]
Arrays = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ARRAYS")]
Store = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


def check(dataset: DatasetName, raw: Raw, /, *, jobs: int = 1, report: Path | None = None) -> int:
    """Read every raw file of a download and name each broken one with file and line; nothing is changed.

    Ends with status 1 where files are broken.

    Args:
        dataset: ntu60, ntu120, nucla or synthetic.
        raw: folder with the raw files, however they were unpacked.
        jobs: worker processes; -1 for all cores.
        report: also write everything that was found to this JSON file.
    """
    from kineme.datasets import datasets
    from kineme.datasets.prepare import check as check_files

    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("checking", "clips") as update:
        found = check_files(datasets.get(dataset)(), raw, jobs=jobs, progress=update)
    _print_report(found)
    if report is not None:
        found.save(report)
    return 0 if found.ok else EXIT_ERROR


def prepare(
    dataset: DatasetName,
    raw: Raw,
    /,
    *,
    out: Path,
    preparation: str = "default",
    jobs: int = 1,
    resume: bool = True,
) -> None:
    """Turn a raw download into a skeleton store. Broken files are reported and left out.

    An interrupted preparation goes on where it stopped when the same command is given again.

    Args:
        dataset: ntu60, ntu120, nucla or synthetic.
        raw: folder with the raw files, however they were unpacked.
        out: folder of the store to make; must not exist.
        preparation: "default", or for NTU "reference": bit for bit what the field's scripts do.
        jobs: worker processes; -1 for all cores. The store is the same for any number.
        resume: go on with what an interrupted preparation left; --no-resume starts over.
    """
    from kineme.datasets import datasets
    from kineme.datasets.prepare import prepare as prepare_store

    kind = datasets.get(dataset)(preparation=preparation)
    with progress_bar("preparing", "clips") as update:
        store, report = prepare_store(kind, raw, out, jobs=jobs, resume=resume, progress=update)
    _print_report(report)
    _print_store(store)


def import_arrays(arrays: Arrays, /, *, layout: str, out: Path, fps: float = 0.0) -> None:
    """Turn your own arrays into a skeleton store; labels are optional.

    The .npz file holds `data` (all frames after one another, (F, V, C) or (F, M, V, C)) and `offsets` (N+1, the
    first frame of each clip), and may hold `label`, `name`, `subject`, `camera` (or `view`) per clip and `classes`.

    Args:
        arrays: the .npz file.
        layout: joint layout, built in (kineme layouts) or the path of your own .toml.
        out: folder of the store to make; must not exist.
        fps: frames per second.
    """
    from kineme.datasets.arrays import load_ragged_npz

    _print_store(load_ragged_npz(arrays, layout, fps=fps).save(out))


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

    _print_store(convert_store(SkeletonStore.open(store), Layout.get(layout), out))


def info(store: Store, /, *, as_json: bool = False) -> None:
    """Say what is in a store: clips per class, subject and view, lengths, and where it comes from.

    Args:
        store: folder of a store.
        as_json: print JSON instead of tables.
    """
    from kineme.store import SkeletonStore

    opened = SkeletonStore.open(store)
    if as_json:
        console.print_json(data=store_summary(opened))
    else:
        _print_store(opened, details=True)


def store_summary(store: "SkeletonStore") -> dict[str, object]:
    """Counts and lengths of a store as plain data."""
    clips = store.clips
    labelled = {name: int((clips["label"] == k).sum()) for k, name in enumerate(store.classes)}
    numbers = {
        name: {str(value): count for value, count in sorted(Counter(clips[name].tolist()).items())}
        for name in ("subject", "camera", "setup", "replication")
        if (clips[name] >= 0).any()
    }
    return {
        "clips": len(store),
        "layout": store.layout.name,
        "joints": store.layout.num_joints,
        "coordinates": store.channels,
        "bodies": {str(m): int((clips["bodies"] == m).sum()) for m in sorted(set(clips["bodies"].tolist()))},
        "frames": {name: int(getattr(clips["length"], name)()) for name in ("min", "max", "sum")},
        "labels": labelled,
        **numbers,
        "provenance": store.provenance,
    }


def _print_store(store: "SkeletonStore", details: bool = False) -> None:
    summary = store_summary(store)
    # Not a title: that would be folded to the table's width, and a path is for copying.
    console.print(str(store.path), soft_wrap=True)
    table = Table(show_header=False)
    for name, value in summary.items():
        if name == "labels" and not details:
            value = f"{len(store.classes)} classes"
        table.add_row(name, value if isinstance(value, str) else _counts(value))
    console.print(table)


def _counts(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {count}" for key, count in value.items())
    return str(value)


def _print_report(report: "Report") -> None:
    console.print(f"{report.files} raw files, {report.clips} good clips, {report.frames} frames")
    for title, findings in (("broken", report.problems), ("left out", report.skipped), ("repaired", report.notes)):
        if not findings:
            continue
        table = Table("file", "line", "what", "what to do", title=f"{len(findings)} {title}", title_justify="left")
        for finding in findings:
            table.add_row(finding.path, str(finding.line or ""), finding.problem, finding.fix)
        console.print(table)
