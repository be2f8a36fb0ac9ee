"""What processes that share a batch know of each other; the slow tests of methods start several."""

import torch

from kineme.nn.processes import gather_rows, num_processes, total


def test_one_process_has_it_all() -> None:
    rows = torch.randn(3, 2, requires_grad=True)
    assert num_processes() == 1
    for same in (total(rows), gather_rows(rows)):
        assert torch.equal(same, rows)
        assert not same.requires_grad
