from pathlib import Path

import numpy as np
import pytest

from kineme.layout import Layout
from kineme.viz.joint_figure import joint_figure, schematic


@pytest.mark.parametrize("name", Layout.names())
def test_joints_of_every_layout_lie_apart_and_mirror(name: str) -> None:
    layout = Layout.get(name)
    points = schematic(layout)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(len(points))
    assert distance.min() > 0.04, "joints lie on one another"
    np.testing.assert_allclose(points[list(layout.mirror)] * (-1, 1), points, atol=1e-9)


def test_left_is_to_the_right_of_the_picture() -> None:
    layout = Layout.get("kinect25")
    points = schematic(layout)
    assert points[layout.index("left_hand"), 0] > 0 > points[layout.index("right_hand"), 0]
    assert points[layout.index("head"), 1] > points[layout.index("left_foot"), 1]


def test_figure_is_written(tmp_path: Path) -> None:
    assert joint_figure(Layout.get("mediapipe33"), tmp_path / "joints.png").stat().st_size > 5000
