"""Rotation matrices from Euler angles, for the skeleton formats of motion capture."""

from collections.abc import Sequence

import numpy as np


def euler_matrices(angles: np.ndarray, axes: Sequence[str]) -> np.ndarray:
    """Products of rotations about coordinate axes, from left to right.

    ``R = R_axes[0](angles[0]) R_axes[1](angles[1]) ...`` turns column vectors: about the last axis first. Each
    rotation is counter-clockwise seen from the tip of its axis.

    Args:
        angles: (..., n) radians.
        axes: n of "x", "y" and "z", in any order and number.

    Returns:
        (..., 3, 3) float64; the identity where n is 0.
    """
    product = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for angle, axis in zip(np.moveaxis(angles, -1, 0), axes, strict=True):
        product = product @ _about(angle, "xyz".index(axis))
    return product


def _about(angle: np.ndarray, axis: int) -> np.ndarray:
    """(..., 3, 3) rotations by (...) angles about one axis."""
    one, other = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1
    matrix[..., one, one] = matrix[..., other, other] = np.cos(angle)
    matrix[..., other, one] = np.sin(angle)
    matrix[..., one, other] = -matrix[..., other, one]
    return matrix
