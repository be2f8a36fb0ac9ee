"""What a table's results are shown as: lines for a terminal, and a page of Markdown."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from kineme.evaluate.result import Result
from kineme.recipes.ledger import rule_of
from kineme.reproduce.experiments import Job
from kineme.reproduce.summary import Summary, summarise
from kineme.reproduce.tables import Row, Table
from kineme.train.run_dir import RunDir

RULES = {"best_test": "best epoch on the test clips", "last": "last epoch", "unknown": "not told"}


@dataclass(frozen=True)
class Line:
    """One measurement of a table.

    Args:
        row: what was measured.
        protocol: how.
        summary: over seeds.
        precision: in which these were trained.
        minutes: wall time of the trainings behind one seed's result.
        teraflops: their floating-point operations, in units of 10^12; None where they were not counted.
    """

    row: Row
    protocol: str
    summary: Summary
    precision: str
    minutes: float
    teraflops: float | None

    @property
    def published(self) -> tuple[float, ...]:
        """Published accuracies, percent."""
        return tuple(number.value for number in self.row.published if number.protocol == self.protocol)

    @property
    def rules(self) -> str:
        """How papers chose their epochs."""
        method = self.row.experiments[0].config.method.name
        found = (rule_of(method, self.row.data, self.protocol, value) for value in self.published)
        return ", ".join(dict.fromkeys(RULES[rule] for rule in found))

    @property
    def difference(self) -> float | None:
        """Ours less the first published, percent."""
        return 100 * self.summary.accuracy - self.published[0] if self.published else None


def lines(table: Table, seeds: Sequence[int], out: Path) -> list[Line]:
    """Every measurement of a table of which at least one seed is complete.

    Args:
        table: the table.
        seeds: which seeds.
        out: folder of the runs.
    """
    measured = [
        (row, protocol, _complete(row, protocol, seeds, out)) for row in table.rows for protocol in row.protocols
    ]
    return [_line(row, protocol, jobs) for row, protocol, jobs in measured if jobs]


def markdown(table: Table, found: Sequence[Line], command: str) -> str:
    """A page that tells everything that was measured, and the command that measured it."""
    parts = [
        f"# {table.what[0].upper()}{table.what[1:]}",
        f"<!-- Written by the command below; edit nothing here. -->\n\n```sh\n{command}\n```",
        _EXPLANATION,
        _datasets(found),
        *_matrices(found),
        "## Everything",
        _everything(found),
    ]
    if any(line.published for line in found):
        parts += ["## Beside the papers", _beside_papers(found)]
    return "\n\n".join(parts) + "\n"


def as_json(found: Sequence[Line]) -> str:
    """The lines as data."""
    rows = [
        {"name": line.row.name, "data": line.row.data, "protocol": line.protocol}
        | {"precision": line.precision, "minutes": line.minutes, "teraflops": line.teraflops}
        | asdict(line.summary)
        | {"published": line.published, "rules": line.rules}
        for line in found
    ]
    return json.dumps(rows, indent=1)


_EXPLANATION = """\
Accuracy on the test clips in percent, of the last epoch: nothing was selected. Behind ± stands the standard deviation
over seeds (of pretraining, probe and fine-tuning); the 95 % interval is that of the mean, over seeds and test clips
together. The control is the same network untrained, under the same protocol; of fine-tuning, the same network from
scratch. Minutes and floating-point operations are those of the trainings behind one seed's result, but not of those
they started from; minutes are wall times with whatever else ran on the machine, upper bounds."""


def _complete(row: Row, protocol: str, seeds: Iterable[int], out: Path) -> list[list[Job]]:
    """Jobs on all splits, of every seed of which all results are there."""
    jobs = [[Job(experiment, seed, out) for experiment in row.experiments] for seed in seeds]
    return [each for each in jobs if all(job.result(protocol) for job in each)]


def _line(row: Row, protocol: str, seeds: Sequence[Sequence[Job]]) -> Line:
    summary = summarise([[Result.load(job.result_file(protocol)) for job in jobs] for jobs in seeds])
    runs = [[run for job in jobs for run in job.runs(protocol)] for jobs in seeds]
    flops = [run.compute() for trainings in runs for run in trainings]
    known = [compute.flops for compute in flops if compute is not None]
    return Line(
        row,
        protocol,
        summary,
        precision=", ".join(sorted({run.config.train.precision for trainings in runs for run in trainings})),
        minutes=mean(sum(map(_seconds, trainings)) for trainings in runs) / 60,
        teraflops=sum(known) / len(seeds) / 1e12 if len(known) == len(flops) else None,
    )


def _seconds(run: RunDir) -> float:
    log = run.metrics()
    return log[-1]["seconds"] if log else 0.0


def _datasets(found: Sequence[Line]) -> str:
    """Every dataset in words, with the number of its test clips."""
    clips = {(line.row.data, line.row.about): line.summary.clips for line in found}
    return "\n".join(f"* `{name}`: {about}; {count:,} test clips" for (name, about), count in clips.items())


def _matrices(found: Sequence[Line]) -> Iterable[str]:
    """For every protocol on several datasets, methods down and datasets across."""
    for protocol in dict.fromkeys(line.protocol for line in found):
        chosen = [line for line in found if line.protocol == protocol]
        data = list(dict.fromkeys(line.row.data for line in chosen))
        if len(data) > 1:
            yield f"## {protocol}\n\n{_matrix(chosen, data)}"


def _matrix(chosen: Sequence[Line], data: Sequence[str]) -> str:
    names = dict.fromkeys(_method(line.row) for line in chosen)
    cells = {(_method(line.row), line.row.data): line.summary for line in chosen}
    nearest = {line.row.data: line.summary.nearest for line in chosen}
    rows = [["coordinate 1-NN", *(percent(nearest[each]) for each in data)]]
    rows += [[name, *(_cell(cells.get((name, each))) for each in data)] for name in names]
    return f"In parentheses the control.\n\n{_table(['', *data], rows)}"


def _method(row: Row) -> str:
    return row.name.removesuffix(f"-{row.data}")


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return ""
    return with_deviation(summary) + ("" if summary.untrained is None else f" ({percent(summary.untrained)})")


def _everything(found: Sequence[Line]) -> str:
    head = [
        "what",
        "protocol",
        "seeds",
        "accuracy",
        "95 %",
        "control",
        "coordinate 1-NN",
        "gain",
        "best_test",
        "precision",
        "minutes",
        "TFLOP",
    ]
    rows = []
    for line in found:
        summary = line.summary
        gain = "-" if summary.gain is None else f"{100 * summary.gain:+.1f}"
        figures = (with_deviation(summary), ends(summary), percent(summary.untrained), percent(summary.nearest), gain)
        cells = [line.row.name, line.protocol, str(summary.seeds), *figures, percent(summary.best_test), line.precision]
        rows.append([*cells, f"{line.minutes:.1f}", "-" if line.teraflops is None else f"{line.teraflops:.3g}"])
    return f"`best_test` is the papers' rule, selected on the test clips.\n\n{_table(head, rows)}"


def _beside_papers(found: Sequence[Line]) -> str:
    compared = [line for line in found if line.published]
    head = [
        "recipe",
        "protocol",
        "ours",
        "95 %",
        "ours, best_test",
        "published",
        "difference",
        "the paper's epoch",
        "source",
    ]
    sources = list(dict.fromkeys(number.source for line in compared for number in line.row.published))
    rows = []
    for line in compared:
        numbers = [number for number in line.row.published if number.protocol == line.protocol]
        summary = line.summary
        ours = (percent(summary.accuracy), ends(summary), percent(summary.best_test))
        told = " / ".join(f"{number.value:g}" for number in numbers)
        where = ", ".join(str(1 + sources.index(number.source)) for number in numbers)
        rows.append([line.row.name, line.protocol, *ours, told, difference(line), line.rules, where])
    notes = "\n".join(f"{i}. {source}" for i, source in enumerate(sources, start=1))
    return f"{_table(head, rows)}\n\nSources:\n\n{notes}"


def percent(share: float | None) -> str:
    """One decimal; "-" of nothing."""
    return "-" if share is None else f"{100 * share:.1f}"


def with_deviation(summary: Summary) -> str:
    """Accuracy and its standard deviation over seeds."""
    return percent(summary.accuracy) + ("" if summary.deviation is None else f" ± {percent(summary.deviation)}")


def ends(summary: Summary) -> str:
    """Ends of the interval."""
    return f"{percent(summary.low)} to {percent(summary.high)}"


def difference(line: Line) -> str:
    """Ours less the published, in percent with its sign; "" where nothing is published."""
    return "" if line.difference is None else f"{line.difference:+.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
