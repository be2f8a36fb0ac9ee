"""A figure for every precision; speed itself is not tested."""

import pytest
import torch

from kineme.train.matrix_peak import matrix_peak


def test_matrix_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.train.matrix_peak._ENOUGH_SECONDS", 0.0005)
    assert matrix_peak(torch.device("cpu"), torch.float32) > 0
    assert matrix_peak(torch.device("cpu"), torch.bfloat16) > 0
