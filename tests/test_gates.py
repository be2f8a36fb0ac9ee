"""Figures without noise stay within their bounds: operations, memory, size, clips encoded."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_gate_is_over_its_bound() -> None:
    environment = os.environ | {"COLUMNS": "160", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks", "--gates"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("pass") == 10
