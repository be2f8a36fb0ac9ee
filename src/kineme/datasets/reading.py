"""What worker processes do: read the files of some recordings, and tell what they came to."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kineme.clip_table import check_clip, check_seen
from kineme.clips import Clip
from kineme.datasets.base import Dataset, Source
from kineme.datasets.report import Finding
from kineme.errors import ClipError, SourceError

Group = list[Source]
"""Sources of one id: normally one; copies, or files that contradict one another, otherwise."""

KINDS = ("problems", "skipped", "notes")


@dataclass
class Outcome:
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
            **{kind: [asdict(finding) for finding in getattr(self, kind)] for kind in KINDS},
        }


def fingerprints(group: Group) -> list[list[Any]]:
    """Name, size and time of every file of a group, by which a resumed call knows that they are the same."""
    return [[str(file), *file.fingerprint()] for source in group for file in source.files]


def read_batch(dataset: Dataset, root: str, groups: list[Group]) -> list[Outcome]:
    """What each of some groups came to; findings name files below ``root``."""
    return [_read_group(dataset, root, group) for group in groups]


def _read_group(dataset: Dataset, root: str, group: Group) -> Outcome:
    """The clips of the first readable file of an id; the others are copies of it, or problems."""
    outcome = Outcome(group[0].id, fingerprints(group))
    used: Source | None = None
    for source in group:
        try:
            clips, notes = _read(dataset, source)
        except SourceError as error:
            outcome.problems.append(Finding(below(error.path, root), error.problem, error.line, error.fix))
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


def below(path: str, root: str) -> str:
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
        one.label == other.label and np.array_equal(one.xyz, other.xyz) and np.array_equal(one.present, other.present)
        for one, other in zip(ours, theirs, strict=True)
    )
