"""Relevance by attention, against arrays made from the specification's equations."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.nn.relevance import of_largest, radii, received


@pytest.mark.parametrize("path", golden_cases("danet/cross_block.npz"))
def test_golden_relevance_and_radii(path: Path) -> None:
    arrays = load_npz(path)
    relevance = received(torch.from_numpy(arrays["out/co_spatial"]))
    np.testing.assert_allclose(relevance.numpy(), arrays["out/relevance"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(radii(relevance).numpy(), arrays["out/radii"], rtol=0, atol=1e-10)


def test_keys_receive_not_queries() -> None:
    """All queries attend to the second of three keys, but one head's second query, which attends to the third."""
    weights = torch.eye(3)[torch.tensor([[1, 1], [1, 2]])]  # (H, Q, K)
    torch.testing.assert_close(received(weights), torch.tensor([0, 1, 1 / 3]))


def test_nothing_stays_nothing() -> None:
    assert of_largest(torch.tensor([[0.0, 0.0], [0.2, 0.1]])).tolist() == [[0, 0], [1, 0.5]]


def test_radii() -> None:
    np.testing.assert_array_equal(radii(np.array([0, 0.5, 1])), [2, 8, 14])
    np.testing.assert_array_equal(radii(np.array([0.0, 1.0]), smallest=1, largest=3), [1, 3])
