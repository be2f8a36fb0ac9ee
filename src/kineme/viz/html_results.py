"""Results of runs as tables of an HTML page."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from kineme.evaluate.figure_text import figure_text
from kineme.evaluate.pairs import Pair, pairs
from kineme.evaluate.report import RunReport, caveats, with_interval
from kineme.evaluate.result import Result, Score, Scores
from kineme.evaluate.robustness import Robustness
from kineme.viz.accuracy_figure import accuracy_figure
from kineme.viz.html_page import Html, Section, element, joined, paragraph, table
from kineme.viz.html_picture import drawn_picture

_RULES = (
    "Accuracies on test clips in percent, with 95 % intervals over clips. Only last and best_val are results; "
    "best_test was selected on the test clips and is there for comparison with papers that do the same."
)
_CLIP_BY_CLIP = (
    "Differences are of last, with 95 % intervals of the paired bootstrap. p is of McNemar's exact test, not corrected "
    "for the number of comparisons."
)

Entry = tuple[RunReport, Result]


def results_section(reports: Sequence[RunReport]) -> Section:
    """Every protocol and split: all runs, each with its control, and what needs no network."""
    alt = "Bar chart of accuracies; the tables below hold the same numbers"
    caption = "Dark: last of every run. Light: the same without pretraining. Grey: no network. Dotted: chance."
    bars = drawn_picture(lambda file: accuracy_figure(reports, file), caption, alt)
    tables = (part for entries in _by_protocol(reports) for part in _protocol(entries))
    return Section("Results", [paragraph(_RULES), bars, *tables])


def _by_protocol(reports: Sequence[RunReport]) -> Iterator[list[Entry]]:
    """Results of the same protocol and split together."""

    def key(entry: Entry) -> tuple[str, str]:
        return entry[1].protocol, entry[1].split

    entries = [(report, result) for report in reports for result in report.results]
    for _, group in groupby(sorted(entries, key=key), key):
        yield list(group)


def _protocol(entries: Sequence[Entry]) -> Iterator[Html]:
    first = entries[0][1]
    title = f"{first.protocol} on {first.split}"
    yield element("h3", title)
    for report, result in entries:
        yield from (paragraph(f"{report.name}: {caveat}", "warning") for caveat in caveats(result))
    rows = [row for entry in entries for row in _runs(*entry)] + list(_without_network(entries))
    yield table(f"Accuracy, {title}", _columns(), rows)
    yield from (paragraph(f"{report.name}: {_remarks(result)}.", "quiet") for report, result in entries)


def _columns() -> tuple[str, ...]:
    rules = {"last": "the result", "best_val": "selected on held-out subjects", "best_test": "papers' rule, optimistic"}
    return "", *(joined((name, element("small", rule))) for name, rule in rules.items())


def _runs(report: RunReport, result: Result) -> Iterator[tuple[str, ...]]:
    """A run, and its control."""
    yield report.name, *_scores(result.metrics)
    if result.untrained is not None:
        control = "untrained twin" if result.features is not None else "trained from scratch"
        yield f"{report.name}, {control}", *_scores(result.untrained)


def _scores(scores: Scores) -> tuple[str, str, str]:
    return _score(scores.last), _score(scores.best_val), _score(scores.best_test)


def _score(score: Score | None) -> Html:
    if score is None:
        return element("td", "-")
    interval = f"[{100 * score.low:.1f}, {100 * score.high:.1f}]"
    return element("td", f"{100 * score.accuracy:.1f}", element("small", interval), element("small", score.candidate))


def _without_network(entries: Sequence[Entry]) -> Iterator[tuple[str, ...]]:
    """What any of these results says of coordinates, and of no look at the clips at all."""
    results = [result for _, result in entries]
    coordinates = next((result.coordinate_1nn for result in results if result.coordinate_1nn), None)
    if coordinates:
        yield "coordinate 1-NN, no network", _score(coordinates), "", ""
    yield "majority class", f"{100 * results[0].majority:.1f}", "", ""
    yield "chance", f"{100 * results[0].chance:.1f}", "", ""


def _remarks(result: Result) -> str:
    counts = result.counts
    held_out = f" ({counts.validation} of held-out subjects)" if counts.validation else ""
    clips = f"{counts.train} training clips{held_out}, {counts.test} test clips"
    left_out = f", {counts.unlabelled} without a label left out" if counts.unlabelled else ""
    seen = (
        "not known whether test clips were trained on" if result.seen is None else f"{result.seen} of them trained on"
    )
    why = f"no best_val: {result.metrics.why_no_best_val}" if result.metrics.why_no_best_val else ""
    figures = ", ".join(figure_text(name, value) for name, value in result.metrics.extra.items())
    return "; ".join(filter(None, (clips + left_out, seen, f"evaluation seed {result.seed}", figures, why)))


def pairs_section(reports: Sequence[RunReport]) -> Section:
    """Every two runs of the same protocol and split, clip by clip."""
    found = list(pairs(reports))
    head = (
        "first and second run",
        "protocol and split",
        "first, %",
        "second, %",
        "difference, points",
        "right alone",
        "p",
    )
    compared = [_compared(pair) for pair in found if pair.comparison]
    parts = [table("Two runs on the same test clips", head, compared), paragraph(_CLIP_BY_CLIP, "quiet")]
    problems = dict.fromkeys(pair.problem for pair in found if pair.problem)
    notes = [paragraph(f"Not compared: {problem}", "quiet") for problem in problems]
    return Section("Runs compared clip by clip", [*(parts if compared else []), *notes])


def _compared(pair: Pair) -> tuple[str, ...]:
    comparison = pair.comparison
    assert comparison is not None
    interval = f"{100 * comparison.difference:+.1f} [{100 * comparison.low:+.1f}, {100 * comparison.high:+.1f}]"
    once = comparison.p_value is not None
    return (
        f"{pair.first.name} and {pair.second.name}",
        f"{pair.protocol}, {pair.split}",
        f"{100 * comparison.first:.1f}",
        f"{100 * comparison.second:.1f}",
        interval,
        f"{comparison.only_first} and {comparison.only_second}" if once else "-",
        f"{comparison.p_value:.2g}" if once else "-, repeated trainings",
    )


def classes_section(reports: Sequence[RunReport]) -> Section:
    """Accuracy of every class: of all protocols of one run, or of one protocol of each of several."""
    if len(reports) == 1:
        entries = [(reports[0], result) for result in reports[0].results]
    else:
        entries = [(report, report.headline) for report in reports]
    groups: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for report, result in entries:
        groups.setdefault((result.split, result.classes), []).append((report, result))
    return Section("Accuracy of each class", [_classes(group, len(reports) > 1) for group in groups.values()])


def _classes(entries: Sequence[Entry], several: bool) -> Html:
    """One column per result."""
    results = [result for _, result in entries]
    names = [f"{report.name}, {result.name}" if several else result.name for report, result in entries]
    clips = [str(sum(row)) for row in results[0].metrics.confusion]
    shares = zip(*(map(_bar, result.metrics.per_class) for result in results), strict=True)
    rows = [(name, count, *row) for name, count, row in zip(results[0].classes, clips, shares, strict=True)]
    return table(f"Percent of last on {results[0].split}", ("class", "test clips", *names), rows)


def _bar(share: float | None) -> Html:
    if share is None:
        return element("td", "-")
    return element("td", f"{100 * share:.0f}", class_="bar", style=f"--share: {100 * share:.1f}%")


def robustness_tables(reports: Sequence[RunReport]) -> list[Html]:
    """Mean accuracies under corruption, a column for each run measured alike."""
    groups: dict[tuple[str, ...], list[tuple[str, Robustness]]] = {}
    for report in reports:
        for result in report.robustness:
            groups.setdefault(_alike(result), []).append((report.name, result))
    return [_robustness(columns) for columns in groups.values()]


def _alike(result: Robustness) -> tuple[str, ...]:
    kinds = (f"{curve.corruption} {curve.severities}" for curve in result.curves)
    return result.protocol, result.split, *kinds


def _robustness(columns: Sequence[tuple[str, Robustness]]) -> Html:
    names, results = zip(*columns, strict=True)
    curves = zip(*(result.curves for result in results), strict=True)
    severities = ", ".join(map(str, results[0].curves[0].severities))
    rows = [
        ("clean", *(with_interval(result.clean) for result in results)),
        *((row[0].corruption.replace("_", " "), *(f"{100 * curve.mean:.1f}" for curve in row)) for row in curves),
        ("mean under corruption", *(f"{100 * result.mean:.1f}" for result in results)),
        ("share of clean that is left", *(_percent(result.relative) for result in results)),
    ]
    first = results[0]
    return table(f"Accuracy in percent, {first.protocol} on {first.split}, severities {severities}", ("", *names), rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
