"""Results of several runs, two by two, wherever they are of the same protocol and the same test clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from kineme.errors import RunError
from kineme.evaluate.compare import Comparison, compare
from kineme.evaluate.predictions import ClipPredictions, find_predictions
from kineme.evaluate.report import RunReport


@dataclass(frozen=True)
class Pair:
    """Two runs under one protocol on one split.

    Args:
        protocol: name and version.
        split: whose test clips.
        first, second: the runs.
        comparison: clip by clip; None where it cannot be made.
        problem: why not.
    """

    protocol: str
    split: str
    first: RunReport
    second: RunReport
    comparison: Comparison | None
    problem: str = ""


def pairs(reports: Sequence[RunReport]) -> Iterator[Pair]:
    """Comparisons of all runs that have results of the same protocol and split, protocol by protocol."""
    keys = dict.fromkeys((result.protocol, result.split) for report in reports for result in report.results)
    for protocol, split in sorted(keys):
        own = [report for report in reports if _has(report, protocol, split)]
        for first, second in combinations(own, 2):
            yield _pair(protocol, split, first, second)


def _has(report: RunReport, protocol: str, split: str) -> bool:
    return any((result.protocol, result.split) == (protocol, split) for result in report.results)


def _pair(protocol: str, split: str, first: RunReport, second: RunReport) -> Pair:
    name = protocol.partition("@")[0]
    try:
        files = (find_predictions(report.run.path, name, split) for report in (first, second))
        comparison = compare(*map(ClipPredictions.load, files))
    except RunError as error:
        return Pair(protocol, split, first, second, None, str(error))
    return Pair(protocol, split, first, second, comparison)
