"""What reading raw files brings to light: every file that was left out or repaired, and why."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path


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
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names need not be UTF-8
