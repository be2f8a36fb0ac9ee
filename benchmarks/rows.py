"""Rows of the table: what is promised, what was measured, and whether it holds."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Literal, Self

import torch
from rich.table import Table

from benchmarks.timing import Spread

Original = Literal["mamp", "actclr", "hacm"]
REPOSITORIES: dict[Original, str] = {
    "mamp": "https://github.com/maoyunyao/MAMP",
    "actclr": "https://github.com/LanglandsLin/ActCLR",
    "hacm": "https://github.com/YinxPeng/HA-CM-main, commit f13611b",
}


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    rounds: int = 5
    clips: int = 11


@dataclass(frozen=True)
class Result:
    """What was measured.

    Args:
        original, ours: in the unit; medians of times.
        ratio: of the original to ours, round by round.
        unit: what both are in.
    """

    original: float
    ours: float
    ratio: Spread
    unit: str = "s"

    @classmethod
    def of_seconds(cls, original: Sequence[float], ours: Sequence[float]) -> Self:
        """Of the times in every round."""
        ratios = [theirs / own for theirs, own in zip(original, ours, strict=True)]
        return cls(median(original), median(ours), Spread.of(ratios))

    @classmethod
    def exact(cls, original: float, ours: float, unit: str) -> Self:
        """Of figures without noise."""
        return cls(original, ours, Spread.of([original / ours]), unit)

    def cells(self) -> tuple[str, str, str]:
        """The original, ours, and their ratio with its quartiles."""
        ratio = f"{self.ratio.median:.2f}"
        if self.ratio.low < self.ratio.high:
            ratio += f" ({self.ratio.low:.2f} to {self.ratio.high:.2f})"
        return self._text(self.original), self._text(self.ours), ratio

    def _text(self, value: float) -> str:
        if self.unit == "s" and value < 1:
            return f"{1e3 * value:.3g} ms"
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"


@dataclass(frozen=True)
class Goal:
    """What a row promises.

    Args:
        what: is measured.
        least, aim: what it must reach, and what we want; none where a row is for information.
        unit: ``x`` where they are ratios to the original; otherwise what ours is in, which must not be more.
    """

    what: str
    least: float | None = None
    aim: float | None = None
    unit: str = "x"

    def verdict(self, result: Result) -> str:
        """Whether a result is what was promised."""
        if self.least is None:
            return ""
        holds = result.ratio.median >= self.least if self.unit == "x" else result.ours <= self.least
        return "pass" if holds else "fail"

    def bounds(self) -> tuple[str, str]:
        """Both as text."""
        return self._text(self.least), self._text(self.aim)

    def _text(self, bound: float | None) -> str:
        ending = " x" if self.unit == "x" else f" {self.unit} or less"
        return "" if bound is None else f"{bound:g}{ending}"


@dataclass(frozen=True)
class Subject:
    """Rows that are measured together.

    Args:
        goals: one per row.
        measure: gives one result per row, from the original's checkout (None where none is needed).
        needs: whose checkout.
    """

    goals: tuple[Goal, ...]
    measure: Callable[[Path, Effort], Sequence[Result]]
    needs: Original | None


def in_own_process(subject: Subject, checkout: Path | None, effort: Effort) -> list[Result] | str:
    """`results` of a fresh process: how memory was used before changes what large temporaries cost."""
    fresh = {"mp_context": get_context("spawn"), "initializer": torch.set_num_threads, "initargs": (1,)}
    with ProcessPoolExecutor(max_workers=1, **fresh) as process:
        return process.submit(results, subject, checkout, effort).result()


def results(subject: Subject, checkout: Path | None, effort: Effort) -> list[Result] | str:
    """What was measured, or why nothing was."""
    if subject.needs and checkout is None:
        return f"--{subject.needs} CHECKOUT"
    torch.manual_seed(0)
    try:
        return list(subject.measure(checkout or Path(), effort))
    except ModuleNotFoundError as error:
        return str(error)


def table_of_seconds(title: str, seconds: Mapping[str, float]) -> Table:
    """Variants of a step with their times, and how many times the reference's speed they have."""
    told = Table(title, "CPU seconds", "times the reference")
    for name, each in seconds.items():
        told.add_row(name, f"{each:.3f}", f"{seconds['reference'] / each:.2f}")
    return told


def table() -> Table:
    """An empty one."""
    return Table("what", "original", "ours", "ratio", "at least", "aim", "holds")


def add_rows(to: Table, subject: Subject, results: Sequence[Result] | str) -> None:
    """Add a subject's rows, or why they were not measured."""
    for i, goal in enumerate(subject.goals):
        if isinstance(results, str):
            to.add_row(goal.what, results, "", "", *goal.bounds(), "not measured")
        else:
            to.add_row(goal.what, *results[i].cells(), *goal.bounds(), goal.verdict(results[i]))
