"""How commands print a store and a report of raw files."""

from typing import TYPE_CHECKING

from rich.table import Table

from kineme.cli.console import console

if TYPE_CHECKING:
    from kineme.datasets.report import Report
    from kineme.store import SkeletonStore

_SHOWN = 50  # findings of one kind; a whole download of the wrong kind has thousands


def print_store(store: "SkeletonStore") -> None:
    """Path and main numbers of a store that was just written."""
    console.print(str(store.path), soft_wrap=True)  # not a title: that would be folded, and a path is for copying
    table = Table(show_header=False)
    for name, value in (
        ("clips", len(store)),
        ("classes", len(store.classes)),
        ("layout", store.layout.name),
        ("frames", int(store.clips["length"].sum())),
        *store.provenance.items(),
    ):
        table.add_row(name, str(value))
    console.print(table)
    console.print(f"look at it: kineme data info {store.path}; kineme data show {store.path}", soft_wrap=True)


def print_details(store: "SkeletonStore") -> None:
    """Everything that `kineme.store_summary` knows about a store."""
    from kineme.store_summary import store_summary

    console.print(str(store.path), soft_wrap=True)
    table = Table(show_header=False)
    summary = store_summary(store)
    if "labels" in summary:
        summary["labels"] = _held(summary["labels"])
    for name, value in summary.items():
        table.add_row(name, _counts(value) if isinstance(value, dict) else str(value))
    console.print(table)


def print_report(report: "Report") -> None:
    """What reading raw files brought to light."""
    console.print(f"{report.files} raw files, {report.clips} good clips, {report.frames} frames")
    for title, findings in (("broken", report.problems), ("left out", report.skipped), ("to note", report.notes)):
        if not findings:
            continue
        shown = f", the first {_SHOWN}" if len(findings) > _SHOWN else ""
        title = f"{len(findings)} {title}{shown}"
        table = Table("file", "line", "what", "what to do", title=title, title_justify="left")
        for finding in findings[:_SHOWN]:
            table.add_row(finding.path, str(finding.line or ""), finding.problem, finding.fix)
        console.print(table)


def _held(labels: dict[str, int]) -> dict[str, int]:
    """Classes with clips; the number of those without in one entry."""
    held = {name: count for name, count in labels.items() if count}
    others = len(labels) - len(held)
    return {**held, f"{others} other classes": 0} if others else held


def _counts(value: dict[str, object]) -> str:
    return ", ".join(
        f"{key} ({_counts(count)})" if isinstance(count, dict) else f"{key}: {count}" for key, count in value.items()
    )
