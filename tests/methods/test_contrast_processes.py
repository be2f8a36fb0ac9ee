"""Several processes with a share of the batch each do what one does with all of it."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).with_name("contrast_script.py")
CASES = [
    ("skeletonclr", 0),
    ("aimclr", 0),
    ("aimclr", 200),
    ("crosclr", 0),
    ("crosclr", 200),
    ("actclr", 0),
    ("actclr", 200),
    ("actclr_paper", 0),
    ("stjd_cl", 0),
]
"""Methods and epochs; after 200 epochs those with a second stage are in it."""

assert_close = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-12)


def run(method: str, epoch: int, processes: int, folder: Path) -> list[dict[str, Any]]:
    """What every process wrote."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parents[1]), *sys.path])}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), method, str(epoch), str(rank), str(processes), str(folder)], env=environment
        )
        for rank in range(processes)
    ]
    assert [process.wait(timeout=120) for process in started] == [0] * processes
    return [torch.load(folder / f"out-{rank}.pt", weights_only=True) for rank in range(processes)]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "epoch"), CASES)
def test_two_processes_are_one(method: str, epoch: int, tmp_path: Path) -> None:
    (alone,) = run(method, epoch, 1, tmp_path)
    first, second = run(method, epoch, 2, tmp_path)
    assert_close((first["losses"] + second["losses"]) / 2, alone["losses"])
    assert_close(first["gradients"], alone["gradients"])
    assert torch.equal(first["keys"], second["keys"])
    assert torch.equal(first["places"], alone["places"])
    assert alone["places"].tolist() == [16] * len(alone["places"])
    # Keys come rank by rank: even clips, then odd ones.
    order = torch.cat([torch.arange(0, 8, 2), torch.arange(1, 8, 2)])
    assert_close(first["keys"], alone["keys"][:, torch.cat([order, 8 + order, torch.arange(16, 32)])])
