"""From a folder of raw files to a checked report or a finished store, in one pass over many workers.

A file that cannot be read stops nothing: it is left out and named in the report. Recordings are written in order
of their ids, so that the store's bytes depend neither on the number of workers nor on interruptions. After each
recording its outcome is noted in the writer's journal; a resumed job takes over what was noted of files that have
not changed since.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from joblib import Parallel, delayed

from kineme.datasets.base import Dataset
from kineme.datasets.reading import KINDS, Group, Outcome, below, fingerprints, read_batch
from kineme.datasets.report import Finding, Report
from kineme.errors import DuplicateClipError, SourceError, StoreError
from kineme.store import ListedSplits, SkeletonStore
from kineme.store_writer import StoreWriter

Progress = Callable[[int, int], None]
"""Called with the number of recordings done and the number of all, now and then from the calling thread."""

_BATCH = 32  # recordings per task: some milliseconds each against about one for sending a task


def check(
    dataset: Dataset, root: str | Path, *, jobs: int = 1, dask: str | None = None, progress: Progress | None = None
) -> Report:
    """Read every raw file of a dataset and say what is wrong with which; nothing is written.

    Args:
        dataset: the dataset, with its options.
        root: folder with its raw files, at any depth, or a zip archive of them.
        jobs: worker processes.
        dask: address of a Dask scheduler whose workers read the files; they must see ``root`` at the same path.
        progress: see `Progress`.

    Raises:
        SourceError: the folder cannot be read or holds no file of the dataset.
    """
    groups, report, _ = _survey(dataset, root)
    with _workers(dask):
        for outcome in _read_all(dataset, groups, report, jobs, progress):
            report.clips += len(outcome.clips)
            report.frames += sum(clip.present.shape[1] for clip in outcome.clips)
    return report


def prepare(
    dataset: Dataset,
    root: str | Path,
    out: str | Path,
    *,
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> tuple[SkeletonStore, Report]:
    """Write every clip that can be read to a new store, and the report beside it as ``report.json``.

    Args:
        dataset: the dataset, with its options.
        root: folder with its raw files, at any depth, or a zip archive of them; only read from.
        out: the store's folder; must not exist.
        jobs: worker processes; the result is the same for any number.
        dask: address of a Dask scheduler whose workers read the files; they must see ``root`` at the same path.
        resume: go on where an interrupted call with the same settings stopped, rather than from the start.
        progress: see `Progress`.

    Raises:
        SourceError: the raw folder cannot be read or holds no usable file of the dataset.
        StoreError: ``out`` exists or cannot be written, or what an interrupted call left belongs to another job.
    """
    groups, report, splits = _survey(dataset, root)
    with _open_writer(dataset, root, out, resume) as writer, _workers(dask):
        done = _take_over(writer, groups, report)
        for outcome in _read_all(dataset, groups, report, jobs, progress, done):
            _write(writer, outcome, report)
        if not writer.ids:
            raise _nothing_usable(report)
        writer.splits = _by_clip(splits, writer.notes)
        report.clips, report.frames = len(writer.ids), sum(note["frames"] for note in writer.notes)
        writer.attach("report.json", asdict(report))
    return SkeletonStore.open(out), report


def _survey(dataset: Dataset, root: str | Path) -> tuple[list[Group], Report, ListedSplits]:
    """Sources grouped by id, without those that the authors list as missing, and the splits of the download."""
    damaged: list[SourceError] = []
    found = dataset.survey(root, damaged)
    report = Report(dataset.name, str(root), len(found.sources) + len(damaged))
    for error in damaged:
        path = Path(error.path).relative_to(root).as_posix()
        report.problems.append(Finding(path, error.problem, fix=error.fix))
    for source in found.sources:
        if source.id in found.missing:
            report.skipped.append(Finding(source.file.below(root), "listed as missing"))
    usable = (source for source in found.sources if source.id not in found.missing)
    return [list(group) for _, group in groupby(usable, key=lambda source: source.id)], report, found.splits


def _open_writer(dataset: Dataset, root: str | Path, out: str | Path, resume: bool) -> StoreWriter:
    provenance = {"dataset": dataset.name, **dataset.settings, "source": Path(root).resolve().name}
    try:
        return StoreWriter(
            out,
            dataset.layout,
            dataset.classes,
            channels=dataset.channels,
            confidence=dataset.has_confidence,
            provenance=provenance,
            resume=resume,
        )
    except OSError as error:
        raise StoreError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error


def _workers(dask: str | None) -> AbstractContextManager[object]:
    """Where joblib sends its tasks: to processes of this machine, or to a Dask cluster."""
    if dask is None:
        return nullcontext()
    from kineme.datasets.cluster import dask_workers

    return dask_workers(dask)


def _take_over(writer: StoreWriter, groups: Sequence[Group], report: Report) -> int:
    """Keep what an interrupted call wrote of files that are still the same; the number of groups that covers."""
    notes: list[Any] = []
    for note, group in zip(writer.notes, groups, strict=False):
        if note["files"] != fingerprints(group):
            break
        notes.append(note)
    writer.rewind(len(notes))
    for note in notes:
        report.add(**{kind: [Finding(**finding) for finding in note[kind]] for kind in KINDS})
    return len(notes)


def _write(writer: StoreWriter, outcome: Outcome, report: Report) -> None:
    """All clips of a recording, or none where one has the name of another recording's."""
    try:
        for clip in outcome.clips:
            writer.add(clip)
    except DuplicateClipError as error:
        writer.rewind(len(writer.notes))
        outcome.clips = []
        path = below(str(outcome.files[0][0]), report.root)
        problem = Finding(path, str(error), fix="rename it, or import the files into stores of their own")
        outcome.problems.append(problem)
        report.add([problem])
    writer.note(outcome.to_note())


def _by_clip(splits: ListedSplits, notes: Iterable[Any]) -> ListedSplits:
    """Splits of recordings as splits of the clips that were cut from them."""
    clips: dict[str, list[str]] = {note["source"]: note["clips"] for note in notes}
    clips |= {clip: [clip] for of_source in list(clips.values()) for clip in of_source}
    return {
        name: cast(Any, tuple([clip for id in side for clip in clips.get(id, ())] for side in sides))
        for name, sides in splits.items()
    }


def _nothing_usable(report: Report) -> SourceError:
    left_out = report.problems + report.skipped
    example = f"{left_out[0].path}: {left_out[0].problem}"
    return SourceError(report.root, f"none of the {report.files} files can be used; the first, {example}")


def _read_all(
    dataset: Dataset,
    groups: list[Group],
    report: Report,
    jobs: int,
    progress: Progress | None,
    num_done: int = 0,
) -> Iterator[Outcome]:
    """What each group came to, in their order; findings go to the report too."""
    total = len(groups)
    starts = range(num_done, total, _BATCH)
    tasks = (delayed(read_batch)(dataset, report.root, groups[start : start + _BATCH]) for start in starts)
    batches = cast(Iterator[list[Outcome]], Parallel(n_jobs=jobs, return_as="generator")(tasks))
    for outcomes in batches:
        for outcome in outcomes:
            report.add(outcome.problems, outcome.skipped, outcome.notes)
            yield outcome
        num_done += len(outcomes)
        if progress is not None:
            progress(num_done, total)
