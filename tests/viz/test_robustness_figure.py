"""Robustness curves: what is on paper against the result."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from kineme.evaluate.robustness import Curve, Estimate, Robustness
from kineme.transforms.corruptions import CORRUPTIONS
from kineme.viz.robustness_figure import draw_curve, robustness_figure


def estimate(accuracy: float) -> Estimate:
    return Estimate(accuracy=accuracy, low=max(accuracy - 0.1, 0), high=min(accuracy + 0.1, 1))


def result_of(corruptions: int) -> Robustness:
    """Every curve falls from 70 % to 30 %."""
    curves = tuple(
        Curve(
            corruption=kind.name,
            severities=(1, 2, 3, 4, 5),
            levels=kind.levels,
            unit=kind.unit,
            scores=tuple(estimate(0.8 - 0.1 * severity) for severity in (1, 2, 3, 4, 5)),
            mean=0.5,
        )
        for kind in list(CORRUPTIONS.values())[:corruptions]
    )
    return Robustness(
        protocol="knn@1",
        candidate="k=5",
        run="runs/tiny",
        recipe="",
        method="mae",
        store="memory",
        split="nucla-xview",
        seed=0,
        train_seed=0,
        clips=12,
        chance=0.1,
        clean=estimate(0.8),
        curves=curves,
        mean=0.5,
        relative=0.625,
    )


def test_a_curve_starts_clean() -> None:
    result, axes = result_of(1), Figure().add_subplot()
    draw_curve(axes, result, result.curves[0])
    curve, clean, chance = axes.lines
    np.testing.assert_allclose(np.asarray(curve.get_xydata()), [[s, 80 - 10 * s] for s in range(6)])
    assert list(np.asarray(clean.get_ydata())) == [80, 80]
    assert list(np.asarray(chance.get_ydata())) == [10, 10]
    assert axes.get_title(loc="left") == "joint drop: 50.0"
    assert axes.get_xticklabels()[0].get_text() == "clean"


@pytest.mark.parametrize("corruptions", [1, 9])
def test_the_file(tmp_path: Path, corruptions: int) -> None:
    file = robustness_figure(result_of(corruptions), tmp_path / "curves.png")
    assert imread(file).std() > 0.05
