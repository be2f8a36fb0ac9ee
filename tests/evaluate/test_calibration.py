"""ECE: zero where confidence is accuracy, by hand where it is not, the same whatever the order of clips."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kineme.evaluate.calibration import calibration, expected_calibration_error


def logits(confidence: list[float]) -> torch.Tensor:
    """Of two classes, the first with these probabilities."""
    first = torch.tensor(confidence, dtype=torch.float64)
    return torch.stack([first, 1 - first], dim=1).log()


def test_as_sure_as_right() -> None:
    labels = torch.tensor([0] * 8 + [1] * 2)
    assert expected_calibration_error(logits([0.8] * 10), labels) == pytest.approx(0)


def test_by_hand() -> None:
    """Two bins: of three clips at 0.6, one right; of one at 0.9, none."""
    labels = torch.tensor([0, 1, 1, 1])
    assert expected_calibration_error(logits([0.6, 0.6, 0.6, 0.9]), labels) == pytest.approx((0.8 + 0.9) / 4)


def test_certain_and_impossible_classes() -> None:
    values = torch.tensor([[0.0, -1e30, -1e30], [1e30, 0.0, 0.0]])
    assert expected_calibration_error(values, torch.tensor([0, 0])) == 0
    assert expected_calibration_error(values, torch.tensor([1, 2])) == 1


@given(seed=st.integers(0, 1000), clips=st.integers(1, 60), classes=st.integers(1, 6))
def test_order_and_shift_change_nothing(seed: int, clips: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(clips, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (clips,), generator=generator)
    error = expected_calibration_error(values, labels)
    order, relabel = torch.randperm(clips, generator=generator), torch.randperm(classes, generator=generator)
    moved = values[order][:, relabel.argsort()] + torch.randn(clips, 1, generator=generator)
    assert expected_calibration_error(moved, relabel[labels[order]]) == pytest.approx(error, abs=1e-9)
    assert 0 <= error <= 1


def test_only_of_logits() -> None:
    values, labels = torch.zeros(2, 2), torch.tensor([0, 1])
    assert calibration("linear", values, labels) == {"ECE": pytest.approx(0.0)}
    assert calibration("knn", values, labels) == {}
    assert calibration("retrieval", None, labels) == {}
