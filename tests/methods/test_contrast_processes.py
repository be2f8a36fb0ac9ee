"""Several processes with a share of the batch each do what one does with all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

SCRIPT = Path(__file__).with_name("contrast_script.py")


def run(method: str, processes: int, folder: Path) -> list[dict[str, Tensor]]:
    """What every process wrote."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parents[1]), *sys.path])}
    started = [
        subprocess.Popen([sys.executable, str(SCRIPT), method, str(rank), str(processes), str(folder)], env=environment)
        for rank in range(processes)
    ]
    assert [process.wait(timeout=120) for process in started] == [0] * processes
    return [torch.load(folder / f"out-{rank}.pt", weights_only=True) for rank in range(processes)]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "views"), [("skeletonclr", 2)])
def test_two_processes_are_one(method: str, views: int, tmp_path: Path) -> None:
    torch.save(torch.randn(views, 8, 1, 16, 20, 3, generator=torch.Generator().manual_seed(0)), tmp_path / "views.pt")
    (alone,) = run(method, 1, tmp_path)
    first, second = run(method, 2, tmp_path)
    torch.testing.assert_close((first["losses"] + second["losses"]) / 2, alone["losses"], rtol=1e-5, atol=0)
    assert torch.equal(first["keys"], second["keys"])
    assert first["place"] == alone["place"] == 16
    # Keys come rank by rank: even clips, then odd ones.
    order = torch.cat([torch.arange(0, 8, 2), torch.arange(1, 8, 2)])
    expected = alone["keys"].clone()
    expected[:8], expected[8:16] = alone["keys"][:8][order], alone["keys"][8:16][order]
    torch.testing.assert_close(first["keys"], expected, rtol=1e-5, atol=1e-6)
