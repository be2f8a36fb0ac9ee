"""From a folder of raw files to a checked report or a finished store, in one pass over many workers.

A file that cannot be read stops nothing: it is left out and named in the report. Clips are written in order of
their ids, so that the store's bytes depend neither on the number of workers nor on interruptions.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np
from joblib import Parallel, delayed

from kineme.clip_table import check_clip
from kineme.clips import Clip
from kineme.datasets.base import Dataset, Source
from kineme.errors import ClipError, SourceError, StoreError
from kineme.store import SkeletonStore
from kineme.store_writer import StoreWriter

Progress = Callable[[int, int], None]
"""Called with the number of clips done and the number of all, now and then from the calling thread."""

_BATCH = 32  # recordings per task: some milliseconds each against about one for sending a task


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
        files: raw files found.
        clips: clips that are fine.
        frames: their frames.
        problems: files left out because they are broken.
        skipped: files left out for another reason: listed as missing by the authors, or a copy.
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

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check(dataset: Dataset, root: str | Path, *, jobs: int = 1, progress: Progress | None = None) -> Report:
    """Read every raw file of a dataset and say what is wrong with which; nothing is written.

    Args:
        dataset: the dataset, with its options.
        root: folder with its raw files, at any depth.
        jobs: worker processes.
        progress: see `Progress`.

    Raises:
        SourceError: the folder cannot be read or holds no file of the dataset.
    """
    groups, report = _survey(dataset, root)
    for clip in _read_all(dataset, groups, report, jobs, progress):
        report.clips += 1
        report.frames += clip.present.shape[1]
    return report


def prepare(
    dataset: Dataset,
    root: str | Path,
    out: str | Path,
    *,
    jobs: int = 1,
    resume: bool = True,
    progress: Progress | None = None,
) -> tuple[SkeletonStore, Report]:
    """Write every clip that can be read to a new store, and the report beside it as ``report.json``.

    Args:
        dataset: the dataset, with its options.
        root: folder with its raw files, at any depth; only read from.
        out: the store's folder; must not exist.
        jobs: worker processes; the result is the same for any number.
        resume: go on where an interrupted call with the same settings stopped, rather than from the start. The
            report then lacks the notes, though none of the problems, of clips written before.
        progress: see `Progress`.

    Raises:
        SourceError: the raw folder cannot be read or holds no usable file of the dataset.
        StoreError: ``out`` exists or cannot be written, or what an interrupted call left belongs to another job.
    """
    groups, report = _survey(dataset, root)
    with _open_writer(dataset, root, out, resume) as writer:
        done = writer.ids
        # Ids with several files are read again for the report's sake.
        rest = [group for group in groups if group[0].id not in done or len(group) > 1]
        for clip in _read_all(dataset, rest, report, jobs, progress, num_done=len(groups) - len(rest)):
            if clip.id not in done:
                writer.add(clip)
        if not writer.ids:
            raise _nothing_usable(report)
    store = SkeletonStore.open(out)
    report.clips, report.frames = len(store), int(store.clips["length"].sum())
    report.save(Path(out) / "report.json")
    return store, report


def _survey(dataset: Dataset, root: str | Path) -> tuple[list[list[Source]], Report]:
    """Raw files grouped by clip id, without those that the authors list as missing."""
    sources, missing = dataset.find(root), dataset.listed_missing
    report = Report(dataset.name, str(root), len(sources))
    for source in sources:
        if source.id in missing:
            path = source.path.relative_to(root).as_posix()
            report.skipped.append(Finding(path, "listed as missing by the authors"))
    usable = (source for source in sources if source.id not in missing)
    return [list(group) for _, group in groupby(usable, key=lambda source: source.id)], report


def _open_writer(dataset: Dataset, root: str | Path, out: str | Path, resume: bool) -> StoreWriter:
    provenance = {"dataset": dataset.name, **asdict(dataset), "source": Path(root).resolve().name}
    try:
        return StoreWriter(out, dataset.layout, dataset.classes, provenance=provenance, resume=resume)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error


def _nothing_usable(report: Report) -> SourceError:
    left_out = report.problems + report.skipped
    example = f"{left_out[0].path}: {left_out[0].problem}"
    fix = "kineme data check lists what is wrong with each"
    return SourceError(report.root, f"none of the {report.files} files can be used; the first, {example}", fix=fix)


@dataclass
class _Outcome:
    """What the files of one clip id came to."""

    clip: Clip | None = None
    problems: list[Finding] = field(default_factory=list)
    skipped: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)


def _read_all(
    dataset: Dataset,
    groups: list[list[Source]],
    report: Report,
    jobs: int,
    progress: Progress | None,
    num_done: int = 0,
) -> Iterator[Clip]:
    """Good clips in order of their ids; everything else goes to the report."""
    total = num_done + len(groups)
    tasks = (delayed(_read_batch)(dataset, report.root, groups[i : i + _BATCH]) for i in range(0, len(groups), _BATCH))
    batches = cast(Iterator[list[_Outcome]], Parallel(n_jobs=jobs, return_as="generator")(tasks))
    for outcomes in batches:
        for outcome in outcomes:
            report.problems += outcome.problems
            report.skipped += outcome.skipped
            report.notes += outcome.notes
            if outcome.clip is not None:
                yield outcome.clip
        num_done += len(outcomes)
        if progress is not None:
            progress(num_done, total)


def _read_batch(dataset: Dataset, root: str, groups: list[list[Source]]) -> list[_Outcome]:
    return [_read_group(dataset, root, group) for group in groups]


def _read_group(dataset: Dataset, root: str, group: list[Source]) -> _Outcome:
    """The first readable file of a clip id; the others are copies of it, or problems."""
    outcome, used = _Outcome(), ""
    for source in group:
        path = source.path.relative_to(root).as_posix()
        try:
            clip, notes = _read(dataset, source)
        except SourceError as error:
            outcome.problems.append(Finding(path, error.problem, error.line, error.fix))
            continue
        except ClipError as error:
            outcome.problems.append(Finding(path, str(error), fix="leave the file out"))
            continue
        if outcome.clip is None:
            outcome.clip, used = clip, path
            outcome.notes += [Finding(path, note) for note in notes]
        elif _same(clip, outcome.clip):
            outcome.skipped.append(Finding(path, f"a copy of {used}"))
        else:
            fix = f"find out which is right and remove the other; {used} was used"
            outcome.problems.append(Finding(path, f"same name as {used}, other content", fix=fix))
    return outcome


def _read(dataset: Dataset, source: Source) -> tuple[Clip, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clip = dataset.read(source)
    check_clip(clip, dataset.layout, len(dataset.classes))
    return clip, [str(warning.message) for warning in caught]


def _same(one: Clip, other: Clip) -> bool:
    return np.array_equal(one.xyz, other.xyz) and np.array_equal(one.present, other.present)
