"""Degenerate features are noticed, healthy ones are left alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.evaluate.health import feature_health

NOISE = torch.randn(200, 16, generator=torch.Generator().manual_seed(0))


@settings(max_examples=10, deadline=None)
@given(num_clips=st.integers(10, 60), width=st.integers(1, 40), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_noise_is_healthy_at_any_scale(num_clips: int, width: int, scale: float) -> None:
    features = scale * torch.randn(num_clips, width, generator=torch.Generator().manual_seed(width))
    health = feature_health(features)
    assert health.messages == ()
    assert 0.5 * health.max_rank < health.effective_rank <= health.max_rank * (1 + 1e-9)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (3 + 1e-4 * NOISE, "collapsed"),
        (torch.ones(50, 8), "collapsed"),
        (torch.zeros(50, 8), "collapsed"),
        (NOISE[:, :1] @ torch.ones(1, 16), "effective rank: 1.0 of 16"),
        (torch.cat([NOISE, torch.full((200, 2), 0.5)], dim=1), "2 of 18"),
        (NOISE / 0, "NaN"),
    ],
)
def test_degenerate_features_are_announced(features: torch.Tensor, expected: str) -> None:
    assert expected in "; ".join(feature_health(features).messages)


def test_effective_rank_counts_equal_directions() -> None:
    basis = torch.linalg.qr(torch.randn(300, 4, generator=torch.Generator().manual_seed(0))).Q
    spread = basis - basis.mean(0)
    directions = torch.linalg.qr(torch.randn(16, 4, generator=torch.Generator().manual_seed(1))).Q
    health = feature_health(torch.linalg.qr(spread).Q @ directions.T)
    assert health.effective_rank == pytest.approx(4, rel=1e-5)
    assert health.max_rank == 16


def test_large_sets_are_thinned() -> None:
    assert feature_health(torch.randn(5000, 3)).max_rank == 3
