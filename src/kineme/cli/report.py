"""``kineme report``: evaluated runs side by side."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from kineme.cli.console import console

Runs = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help="folders of runs")]


def report(
    runs: Runs,
    /,
    *,
    out: Path | None = None,
    html: Path | None = None,
    store: Path | None = None,
    clips: int = 2,
) -> None:
    """Show the results of runs as a table, and write them as JSON, a figure and, with --html, a page.

    The page is one file that needs no network: what was run, results and controls, runs compared clip by clip, classes,
    confusion, training, features, robustness and, with --store, what the methods do to skeletons.

    Args:
        out: folder for report.json and report.png; the first run's by default.
        html: page to write too, a .html.
        store: folder of a store; masks, regions or attention are drawn on clips of it, in the page.
        clips: how many of them, from all classes in turn.
    """
    from kineme.cli.run_method import require_numbers
    from kineme.errors import ConfigError
    from kineme.viz.html_report import require_page

    if not runs:
        raise ConfigError("name at least one run: kineme report RUN...")
    if store is not None and html is None:
        raise ConfigError("--store is for pictures in a page; add --html FILE")
    require_numbers(clips=(clips, 1))
    if html is not None:
        require_page(html)
    write_report(list(runs), out or runs[0])
    if html is not None:
        _write_page(list(runs), html, store, clips)


def _write_page(runs: list[Path], html: Path, store: Path | None, clips: int) -> None:
    from kineme.evaluate.report import collect
    from kineme.store import SkeletonStore
    from kineme.viz.html_report import write_html_report

    opened = None if store is None else SkeletonStore.open(store)
    console.print(str(write_html_report(collect(runs), html, store=opened, num_clips=clips)), soft_wrap=True)


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
