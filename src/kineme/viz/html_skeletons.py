"""What methods do to clips of a store, as pictures of an HTML page."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kineme.errors import ConfigError
from kineme.evaluate.report import RunReport
from kineme.store import SkeletonStore
from kineme.viz.contact_sheet import in_turn
from kineme.viz.html_page import Html, Section, element, paragraph
from kineme.viz.html_picture import drawn_picture
from kineme.viz.masking import masked_views
from kineme.viz.masking_file import draw_masks
from kineme.viz.regions import region_views
from kineme.viz.regions_figure import draw_regions
from kineme.viz.relevance import relevance_views
from kineme.viz.relevance_figure import draw_relevance

CLIPS = 2

_KINDS: dict[str, tuple[Callable[..., Sequence], Callable[..., Path], str]] = {
    "What is hidden and predicted": (
        masked_views,
        draw_masks,
        "Joints by time with the scores that tokens are hidden by, and poses below: visible joints, the original, and "
        "what is predicted of the rest.",
    ),
    "Regions": (region_views, draw_regions, "Which joints the method looks at, and when: orange inside, grey outside."),
    "Attention": (
        relevance_views,
        draw_relevance,
        "Joints are larger the more attention they receive; green: at least half of the most.",
    ),
}
"""By their titles: what finds them, what draws them, and how they are read."""


def skeletons_section(reports: Sequence[RunReport], store: SkeletonStore, num_clips: int = CLIPS) -> Section:
    """Masks, regions and attention of each run, whichever it has, on clips of a store.

    Raises:
        LayoutMismatchError: the store has other joints than one of the runs.
        RunError: a run without weights.
    """
    index = in_turn(store.labels, num_clips)
    return Section("On skeletons", [part for report in reports for part in _of_run(report, store, index)])


def _of_run(report: RunReport, store: SkeletonStore, index: np.ndarray) -> list[Html]:
    store.require_layout(report.run.layout)
    drawn = [part for title in _KINDS for part in _drawn(title, report, store, index)]
    if drawn:
        return drawn
    config = report.run.config
    nothing = f"{config.method.name} with {config.encoder.name} has neither masks nor regions nor attention to draw."
    return [element("h3", report.name), paragraph(nothing)]


def _drawn(title: str, report: RunReport, store: SkeletonStore, index: np.ndarray) -> Iterator[Html]:
    find, draw, caption = _KINDS[title]
    try:
        views = find(report.run.load_method(), report.run.config, store, index)
    except ConfigError:  # a method or an encoder that has no such thing
        return
    if views:
        clips = "; ".join(dict.fromkeys(view.clip for view in views))
        alt = f"{title} of {report.name}, drawn on stick figures of {clips}"
        yield element("h3", f"{title}, {report.name}")
        yield drawn_picture(partial(draw, views), caption, alt)
