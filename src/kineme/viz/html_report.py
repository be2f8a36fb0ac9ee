"""Everything known about one run, or several side by side, as one HTML file that needs no network.

Tables and pictures are inside the file; it loads nothing and runs no scripts. A part is there where a run has what it
shows. Needs the extra ``viz``.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import kineme
from kineme.errors import ConfigError
from kineme.evaluate.report import RunReport
from kineme.store import SkeletonStore
from kineme.train.run_dir import write_atomically
from kineme.viz.confusion_figure import confusion_figure
from kineme.viz.embedding_figure import embedding_figure
from kineme.viz.html_page import Html, Section, page
from kineme.viz.html_picture import drawn_picture
from kineme.viz.html_results import classes_section, pairs_section, results_section, robustness_tables
from kineme.viz.html_runs import runs_section
from kineme.viz.html_skeletons import CLIPS, skeletons_section
from kineme.viz.robustness_figure import robustness_figure
from kineme.viz.skeleton import require_matplotlib
from kineme.viz.training_figure import TITLES, training_figure


def write_html_report(
    reports: Sequence[RunReport], file: str | Path, *, store: SkeletonStore | None = None, num_clips: int = CLIPS
) -> Path:
    """Write the page.

    Args:
        reports: what `kineme.evaluate.report.collect` returned.
        file: where to write, a .html.
        store: clips on which masks, regions or attention are drawn; none are where None.
        num_clips: how many of them, from all classes in turn.

    Returns:
        The file.

    Raises:
        ConfigError: another suffix, matplotlib is not installed, or a result is damaged.
        LayoutMismatchError: the store has other joints than one of the runs.
        RunError: features of a run are damaged, or it has no weights and a store is given.
    """
    require_page(file)
    file, content = Path(file), html_report(reports, store, num_clips)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, content.encode())
    return file


def require_page(file: str | Path) -> None:
    """Check that a page can be written into a file with such a name.

    Raises:
        ConfigError: it cannot.
    """
    if Path(file).suffix not in (".html", ".htm"):
        raise ConfigError(f"{file}: cannot write a page into such a file; it ends in .html")


def html_report(reports: Sequence[RunReport], store: SkeletonStore | None = None, num_clips: int = CLIPS) -> Html:
    """The page itself; see `write_html_report`."""
    require_matplotlib()
    sections = [
        runs_section(reports),
        results_section(reports),
        pairs_section(reports),
        classes_section(reports),
        Section("Confusion", [_confusion(report) for report in reports]),
        Section("Training", list(_training(reports))),
        Section("Features", list(_features(reports))),
        Section("Robustness", [*robustness_tables(reports), *_robustness(reports)]),
        *([] if store is None else [skeletons_section(reports, store, num_clips)]),
    ]
    title = f"Report: {', '.join(report.name for report in reports)}"
    return page(title, f"Made by kineme {kineme.__version__}. This file is complete, it needs no network.", sections)


def _confusion(report: RunReport) -> Html:
    result = report.headline
    caption = f"{report.name}, {result.protocol} on {result.split}: shares of each true class (row) in percent."
    alt = f"Confusion matrix of {report.name} over {len(result.classes)} classes"
    return drawn_picture(partial(confusion_figure, result), caption, alt)


def _training(reports: Sequence[RunReport]) -> Iterator[Html]:
    """One figure for each thing that was logged."""
    logged = [report for report in reports if report.run.metrics()]
    for what, title in TITLES.items() if logged else ():
        alt = f"{title} over epochs of {', '.join(report.name for report in logged)}"
        caption = f"{title}; losses of different methods are no common measure." if what == "loss" else f"{title}."
        yield drawn_picture(partial(training_figure, logged, what), caption, alt)


def _features(reports: Sequence[RunReport]) -> Iterator[Html]:
    for report in reports:
        bank = report.test_bank
        if bank is not None:
            caption = f"{report.name}: every point is a test clip in the colour of its class, near others alike."
            draw = partial(embedding_figure, bank, name=report.name)
            yield drawn_picture(draw, caption, f"Features of test clips of {report.name} in the plane", ".png")


def _robustness(reports: Sequence[RunReport]) -> Iterator[Html]:
    for report in reports:
        for result in report.robustness:
            caption = f"{report.name}, {result.protocol} on {result.split}: accuracy as corruptions grow stronger."
            alt = f"Accuracy of {report.name} against severity, a panel for each of {len(result.curves)} corruptions"
            yield drawn_picture(partial(robustness_figure, result), caption, alt)
