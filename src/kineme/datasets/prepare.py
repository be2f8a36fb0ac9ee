"""From a folder of raw files to a checked report or a finished store, in one pass over many workers.

A file that cannot be read stops nothing: it is left out and named in the report. Recordings are written in order
of their ids, so that the store's bytes depend neither on the number of workers nor on interruptions. After each
recording its outcome is noted in the writer's journal; a resumed job takes over what was noted of files that have
not changed since.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
from joblib import Parallel, delayed

from kineme.clip_table import check_clip, check_seen
from kineme.clips import Clip
from kineme.datasets.base import Dataset, Source
from kineme.errors import ClipError, DuplicateClipError, SourceError, StoreError
from kineme.store import ListedSplits, SkeletonStore
from kineme.store_writer import StoreWriter

Progress = Callable[[int, int], None]
"""Called with the number of recordings done and the number of all, now and then from the calling thread."""

_BATCH = 32  # recordings per task: some milliseconds each against about one for sending a task
_KINDS = ("problems", "skipped", "notes")


@dataclass(frozen=True)
class Finding:
    """One thing to know about one raw file.

    Args:
        path: the file, below the report's root.
        problem: what is wrong or remarkable.
        line: 1-based line of a text file, where known.
        fix: what can be done about it.
    """

    path: str
    problem: str
    line: int | None = None
    fix: str = ""


@dataclass
class Report:
    """What reading a raw folder brought to light.

    Args:
        dataset: name of the dataset.
        root: the raw folder.
        files: raw files found, archives that cannot be read included.
        clips: clips that are fine.
        frames: their frames.
        problems: files left out because they are broken.
        skipped: files left out for another reason: listed as missing, or a copy.
        notes: files that are used, but were repaired.
    """

    dataset: str
    root: str
    files: int
    clips: int = 0
    frames: int = 0
    problems: list[Finding] = field(default_factory=list)
    skipped: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every file could be used or was left out for a known reason."""
        return not self.problems

    def add(
        self, problems: Iterable[Finding] = (), skipped: Iterable[Finding] = (), notes: Iterable[Finding] = ()
    ) -> None:
        """Take in findings."""
        self.problems += problems
        self.skipped += skipped
        self.notes += notes

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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


Group = list[Source]
"""Sources of one id: normally one; copies, or files that contradict one another, otherwise."""


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
        if note["files"] != _fingerprints(group):
            break
        notes.append(note)
    writer.rewind(len(notes))
    for note in notes:
        report.add(**{kind: [Finding(**finding) for finding in note[kind]] for kind in _KINDS})
    return len(notes)


def _write(writer: StoreWriter, outcome: "_Outcome", report: Report) -> None:
    """All clips of a recording, or none where one has the name of another recording's."""
    try:
        for clip in outcome.clips:
            writer.add(clip)
    except DuplicateClipError as error:
        writer.rewind(len(writer.notes))
        outcome.clips = []
        path = _below(str(outcome.files[0][0]), report.root)
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
    fix = "kineme data check lists what is wrong with each"
    return SourceError(report.root, f"none of the {report.files} files can be used; the first, {example}", fix=fix)


@dataclass
class _Outcome:
    """What the files of one id came to."""

    source: str
    files: list[list[Any]]
    clips: list[Clip] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    skipped: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def compare(self, clips: Sequence[Clip], path: str, used: str) -> None:
        """Take note of another file of the same name, whose clips are the same or not."""
        if _same(clips, self.clips):
            self.skipped.append(Finding(path, f"a copy of {used}"))
        else:
            fix = f"find out which is right and remove the other; {used} was used"
            self.problems.append(Finding(path, f"same name as {used}, other content", fix=fix))

    def to_note(self) -> dict[str, Any]:
        """What a resumed call needs to know, as JSON."""
        return {
            "source": self.source,
            "files": self.files,
            "clips": [clip.id for clip in self.clips],
            "frames": sum(clip.present.shape[1] for clip in self.clips),
            **{kind: [asdict(finding) for finding in getattr(self, kind)] for kind in _KINDS},
        }


def _fingerprints(group: Group) -> list[list[Any]]:
    return [[str(file), *file.fingerprint()] for source in group for file in source.files]


def _read_all(
    dataset: Dataset,
    groups: list[Group],
    report: Report,
    jobs: int,
    progress: Progress | None,
    num_done: int = 0,
) -> Iterator[_Outcome]:
    """What each group came to, in their order; findings go to the report too."""
    total = len(groups)
    starts = range(num_done, total, _BATCH)
    tasks = (delayed(_read_batch)(dataset, report.root, groups[start : start + _BATCH]) for start in starts)
    batches = cast(Iterator[list[_Outcome]], Parallel(n_jobs=jobs, return_as="generator")(tasks))
    for outcomes in batches:
        for outcome in outcomes:
            report.add(outcome.problems, outcome.skipped, outcome.notes)
            yield outcome
        num_done += len(outcomes)
        if progress is not None:
            progress(num_done, total)


def _read_batch(dataset: Dataset, root: str, groups: list[Group]) -> list[_Outcome]:
    return [_read_group(dataset, root, group) for group in groups]


def _read_group(dataset: Dataset, root: str, group: Group) -> _Outcome:
    """The clips of the first readable file of an id; the others are copies of it, or problems."""
    outcome = _Outcome(group[0].id, _fingerprints(group))
    used: Source | None = None
    for source in group:
        try:
            clips, notes = _read(dataset, source)
        except SourceError as error:
            outcome.problems.append(Finding(_below(error.path, root), error.problem, error.line, error.fix))
            continue
        except ClipError as error:
            outcome.problems.append(Finding(source.file.below(root), str(error), fix="leave the file out"))
            continue
        if used is None:
            outcome.clips, used = clips, source
            outcome.notes += [Finding(source.file.below(root), note) for note in notes]
        else:
            outcome.compare(clips, source.file.below(root), used.file.below(root))
    return outcome


def _below(path: str, root: str) -> str:
    """Path in an error as reports give it; an error may be about a file beside the source."""
    return path.removeprefix(root).lstrip("/:") or path


def _read(dataset: Dataset, source: Source) -> tuple[list[Clip], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clips = dataset.read(source)
    for clip in clips:
        check_clip(clip, dataset.layout, len(dataset.classes))
        if clip.xyz.shape[3] != dataset.channels:
            raise ClipError(
                f"clip {clip.id}: {clip.xyz.shape[3]} coordinates per joint, others have {dataset.channels}"
            )
        if not dataset.keeps_empty:
            check_seen(clip)
    return clips, [str(warning.message) for warning in caught]


def _same(ours: Sequence[Clip], theirs: Sequence[Clip]) -> bool:
    return len(ours) == len(theirs) and all(
        np.array_equal(one.xyz, other.xyz) and np.array_equal(one.present, other.present)
        for one, other in zip(ours, theirs, strict=True)
    )
