"""Results of several runs side by side, as data: a terminal table, JSON and a figure are drawn from it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kineme.errors import RunError
from kineme.evaluate.bank import FeatureBank
from kineme.evaluate.figure_text import figure_text
from kineme.evaluate.result import Estimate, Result, Score
from kineme.evaluate.robustness import NAME as ROBUSTNESS
from kineme.evaluate.robustness import Robustness
from kineme.train.run_dir import RunDir


@dataclass(frozen=True)
class RunReport:
    """What is known about one run.

    Args:
        run: the run.
        results: one per protocol that was evaluated: frozen ones, then fine-tunings, each in alphabetical order.
    """

    run: RunDir
    results: tuple[Result, ...]

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return self.run.path.resolve().name

    @property
    def headline(self) -> Result:
        """The linear probe's result, or else the first."""
        return next((result for result in self.results if result.name == "linear"), self.results[0])

    @property
    def robustness(self) -> tuple[Robustness, ...]:
        """What was measured on corrupted test clips, in alphabetical order of the protocols."""
        return tuple(Robustness.load(file) for file in sorted(self.run.path.glob(f"{ROBUSTNESS}/*.json")))

    @property
    def test_bank(self) -> FeatureBank | None:
        """Features of the test clips, as evaluated last."""
        file = self.run.path / "features" / "trained-test.safetensors"
        return FeatureBank.load(file) if file.exists() else None


@dataclass(frozen=True)
class Row:
    """One line of the table; accuracies with their intervals as text, in percent."""

    run: str
    recipe: str
    protocol: str
    split: str
    last: str
    """The result."""
    best_val: str
    best_test: str
    """Selected on test; shown because papers report it."""
    untrained: str
    coordinate_1nn: str
    extra: str
    warnings: str


def collect(paths: Sequence[str | Path]) -> list[RunReport]:
    """Results of runs, in the order given.

    Raises:
        RunError: a path is not a run, or nothing was evaluated yet.
        ConfigError: a result is damaged.
    """
    return [_run_report(RunDir.open(path)) for path in paths]


def _run_report(run: RunDir) -> RunReport:
    own = sorted(run.path.glob("results/*.json"), key=lambda file: file.stem)
    files = [*own, *sorted(run.path.glob("*/results/*.json"))]
    if not files:
        raise RunError(f"{run.path}: no results yet; make one with: kineme eval linear {run.path} --store STORE")
    return RunReport(run, tuple(Result.load(file) for file in files))


def table(reports: Sequence[RunReport]) -> list[Row]:
    """Rows of the table, one per run and protocol."""
    return [_row(report.name, result) for report in reports for result in report.results]


def _row(run: str, result: Result) -> Row:
    scores = result.metrics
    return Row(
        run=run,
        recipe=result.recipe,
        protocol=result.protocol,
        split=result.split,
        last=with_interval(scores.last),
        best_val=with_interval(scores.best_val) + _setting(scores.best_val),
        best_test=with_interval(scores.best_test) + _setting(scores.best_test),
        untrained=with_interval(result.untrained.last if result.untrained else None),
        coordinate_1nn=with_interval(result.coordinate_1nn),
        extra=", ".join(figure_text(name, value) for name, value in scores.extra.items()),
        warnings="; ".join(caveats(result)),
    )


def with_interval(score: Estimate | None) -> str:
    """Percent, with the ends of the 95 % interval; a dash for none."""
    return "-" if score is None else f"{100 * score.accuracy:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]"


def _setting(score: Score | None) -> str:
    return "" if score is None else f" ({score.candidate})"


def caveats(result: Result) -> list[str]:
    """What forbids to take a result at face value."""
    seen = [f"{result.seen} test clips were trained on"] if result.seen else []
    return [*seen, *(result.health.messages if result.health else ())]


def report_json(reports: Sequence[RunReport]) -> str:
    """Everything in the results, and the table's rows, as JSON."""
    results = [result.model_dump(mode="json") for report in reports for result in report.results]
    return json.dumps({"table": [asdict(row) for row in table(reports)], "results": results}, indent=1)
