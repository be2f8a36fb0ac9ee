import warnings

import numpy as np
import pytest

from kineme.clips import Clip
from kineme.datasets.base import SourceWarning
from kineme.importers.sizes import warn_of_size
from kineme.layout import Layout

METRES, PICTURE = Layout.get("florence15"), Layout.get("coco17")


def clip(size: float, layout: Layout = METRES, channels: int = 3, confidence: np.ndarray | None = None) -> Clip:
    """One body in four frames, so large along the last axis, far from the origin."""
    xyz = np.full((1, 4, layout.num_joints, channels), 7, np.float32)
    xyz[..., 0, channels - 1] += size
    return Clip(id="walk", xyz=xyz, present=np.ones((1, 4), bool), confidence=confidence)


@pytest.mark.parametrize("size", [0.15, 1.7, 3])
def test_people_and_hands_pass(size: float) -> None:
    warn_of_size([clip(size)], METRES)


@pytest.mark.parametrize(("size", "text"), [(1700, "1700"), (170, "170"), (0.017, "0.017"), (0, "0")])
def test_other_units_than_metres_are_told(size: float, text: str) -> None:
    with pytest.warns(SourceWarning, match=f"measure {text}.*, but the coordinates of layout florence15 are metres"):
        warn_of_size([clip(size)], METRES)


@pytest.mark.parametrize("size", [300, 0.0003])
def test_pixels_are_told(size: float) -> None:
    with pytest.warns(SourceWarning, match="layout coco17 are parts of the picture"):
        warn_of_size([clip(size, PICTURE, channels=2)], PICTURE)
    warn_of_size([clip(0.3, PICTURE, channels=2)], PICTURE)


def test_most_people_count(recwarn: pytest.WarningsRecorder) -> None:
    warn_of_size([clip(1.7), clip(1.6), clip(900)], METRES)
    assert not recwarn


def test_joints_that_were_not_found_and_absent_bodies_do_not_count() -> None:
    confidence = np.ones((1, 4, METRES.num_joints), np.float32)
    confidence[..., 3] = 0
    with_gap = clip(1.7, confidence=confidence)
    with_gap.xyz[:, :, 3] = -900
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_size([with_gap], METRES)
        nobody = clip(900)
        nobody.present[:] = False
        warn_of_size([nobody], METRES)
