"""Rotations from Euler angles, against SciPy's."""

from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kineme.importers.rotations import euler_matrices

ORDERS = ["".join(order) for n in (1, 2, 3) for order in permutations("xyz", n)]


@pytest.mark.parametrize("axes", [*ORDERS, "zxz"])
def test_any_order_is_that_of_scipy(axes: str) -> None:
    angles = np.random.default_rng(0).uniform(-4, 4, (5, len(axes)))
    expected = Rotation.from_euler(axes.upper(), angles).as_matrix()  # capitals: about the turned axes
    np.testing.assert_allclose(euler_matrices(angles, axes), expected, atol=1e-14)


def test_any_batch_shape() -> None:
    angles = np.random.default_rng(0).normal(size=(2, 4, 3))
    matrices = euler_matrices(angles, "yzx")
    assert matrices.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(matrices[1, 2], euler_matrices(angles[1, 2], "yzx"))


def test_no_axis_is_no_rotation() -> None:
    np.testing.assert_array_equal(euler_matrices(np.zeros((2, 0)), ""), np.stack([np.eye(3)] * 2))


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    np.testing.assert_allclose(euler_matrices(np.array([np.pi / 2]), "z") @ [1, 0, 0], [0, 1, 0], atol=1e-16)
