"""The figure of a report: accuracies beside their controls, how training went, what is confused, how features lie.

Needs the extra ``viz``.
"""

from collections.abc import Sequence
from pathlib import Path

from kineme.evaluate.report import RunReport
from kineme.viz.accuracy_figure import draw_accuracies
from kineme.viz.chart import INK, new_figure
from kineme.viz.confusion_figure import draw_confusion
from kineme.viz.embedding_figure import draw_embedding
from kineme.viz.training_figure import draw_training

CLIPS_DRAWN = 800
CLASSES_NAMED = 20


def report_figure(reports: Sequence[RunReport], file: str | Path) -> Path:
    """Draw runs into one figure.

    Accuracies and training losses of all runs are shown; confusion and features are those of the first.

    Args:
        reports: what `kineme.evaluate.report.collect` returned.
        file: where to write; the suffix says which format (png, pdf, svg).

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    num_bars = sum(len(report.results) for report in reports)
    with new_figure(file, 13, 9 + 0.3 * max(num_bars - 6, 0), dpi=150) as figure:
        (accuracies, training), (confusion, features) = figure.subplots(2, 2)
        draw_accuracies(accuracies, reports)
        draw_training(training, reports)
        result, bank = reports[0].headline, reports[0].test_bank
        named = len(result.classes) <= CLASSES_NAMED
        draw_confusion(confusion, result, named=named)
        draw_embedding(features, bank, clips=CLIPS_DRAWN, legend_columns=int(named))
        for axes in (confusion, features) if len(reports) > 1 else ():
            axes.set_title(f"{reports[0].name}: {axes.get_title(loc='left')}", loc="left")
        figure.suptitle(_title(reports), color=INK)
    return Path(file)


def _title(reports: Sequence[RunReport]) -> str:
    results = [result for report in reports for result in report.results]
    sides = (f"{r.split}, {r.counts.train} training and {r.counts.test} test clips" for r in results)
    return f"{', '.join(report.name for report in reports)}: on {'; '.join(dict.fromkeys(sides))}"
