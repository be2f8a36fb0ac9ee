"""Accuracy against the cost of training."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from fake import tiny_config
from kineme.errors import ConfigError
from kineme.reproduce.experiments import Experiment
from kineme.reproduce.page import Line
from kineme.reproduce.summary import Summary
from kineme.reproduce.tables import Row
from kineme.viz.compute_figure import compute_figure, draw_costs

SUMMARY = Summary(3, 100, 0.7, 0.02, 0.6, 0.78, 0.72, 0.5, 0.65)


def line(name: str, data: str, protocol: str, teraflops: float | None) -> Line:
    experiment = Experiment(name, tiny_config(), Path("x.store"))
    return Line(Row(name, data, "", (experiment,), (protocol,)), protocol, SUMMARY, "32-true", 1.0, teraflops)


LINES = [
    line("mae-one", "one", "common", 3.0),
    line("supervised-stgcn-one", "one", "classify", 20.0),
    line("mae-two", "two", "common", 5.0),
]


def test_figure(tmp_path: Path) -> None:
    assert compute_figure(LINES, tmp_path / "costs.png").stat().st_size > 5000


def test_points_stand_where_they_should() -> None:
    axes = Figure().add_subplot()
    draw_costs(axes, "one", LINES[:2])
    assert [text.get_text() for text in axes.texts] == ["mae", "stgcn"]
    points = [drawn for drawn in axes.lines if drawn.get_marker() == "o"]
    assert [(drawn.get_xdata(), drawn.get_ydata()) for drawn in points] == [([3], [70]), ([20], [70])]
    assert axes.get_title(loc="left") == "one"


def test_what_was_not_counted_is_left_out(tmp_path: Path) -> None:
    unknown = replace(LINES[0], teraflops=None)
    with pytest.raises(ConfigError, match="nothing to draw"):
        compute_figure([unknown, line("mae-one", "one", "knn", 3.0)], tmp_path / "costs.png")
