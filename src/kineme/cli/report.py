"""``kineme report``: evaluated runs side by side."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from kineme.cli.console import console

Runs = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help="folders of runs")]


def report(runs: Runs, /, *, out: Path | None = None) -> None:
    """Show the results of runs as a table, and write them as JSON and a figure.

    Args:
        out: folder for report.json and report.png; the first run's by default.
    """
    from kineme.errors import ConfigError

    if not runs:
        raise ConfigError("name at least one run: kineme report RUN...")
    write_report(list(runs), out or runs[0])


def write_report(runs: list[Path], out: Path) -> None:
    """Table on the console, ``report.json`` and ``report.png`` in a folder."""
    from kineme.evaluate.report import collect, report_json, table
    from kineme.train.run_dir import write_atomically
    from kineme.viz.report_figure import report_figure

    reports = collect(runs)
    columns = (
        "run",
        "protocol",
        "split",
        "last, % [95 %]",
        "best_val",
        "best_test (papers)",
        "untrained twin",
        "coordinate 1-NN",
    )
    drawn = Table(*columns, title="accuracy on the test clips", title_justify="left")
    for row in table(reports):
        figures = (row.last, row.best_val, row.best_test, row.untrained, row.coordinate_1nn)
        drawn.add_row(row.run, row.protocol, row.split, *figures)
    console.print(drawn)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "report.json", report_json(reports).encode())
    figure = report_figure(reports, out / "report.png")
    console.print(f"{out / 'report.json'}\n{figure}", soft_wrap=True)
