"""Every example runs, in seconds on tiny settings, and stays short enough to read at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
MAX_LINES = 60


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    tiny = ["--subjects", "2", "--epochs", "1"] if "epochs" in example.read_text(encoding="utf-8") else []
    # A process of its own: an example may register a method, which the other tests should not meet.
    done = subprocess.run(
        [sys.executable, example, "--out", tmp_path / "out", *tiny],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_there_are_examples() -> None:
    assert EXAMPLES
