"""Several jobs at once: the same results, errors that stay where they are, and stops of every kind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fake import tiny_config
from kineme.errors import RunError
from kineme.evaluate.result import Result
from kineme.reproduce import pool
from kineme.reproduce.experiments import Experiment, Job
from kineme.reproduce.pool import Outcome, Task, run_all

TRAIN = {"epochs": 2, "batch_size": 8, "warmup_epochs": 0}
EPOCHS = 100
SCRIPT = """
import sys
from pathlib import Path
from fake import tiny_config
from kineme.reproduce.experiments import Experiment, Job
from kineme.reproduce.pool import Task, run_all

if __name__ == "__main__":
    store, out = Path(sys.argv[1]), Path(sys.argv[2])
    workers, epochs, seeds = map(int, sys.argv[3:])
    train = {"epochs": epochs, "batch_size": 8, "warmup_epochs": 0, "checkpoint_epochs": 2}
    config = tiny_config(split="nucla-xview", train=train)
    tasks = [Task(Job(Experiment("mae", config, store), seed, out, "cpu"), ("knn",)) for seed in range(seeds)]
    sys.exit(0 if run_all(tasks, workers, 1, lambda outcome: None) else 130)
"""


def tasks(store: Path, out: Path, **changes: object) -> list[Task]:
    config = tiny_config(**{"split": "nucla-xview", "train": TRAIN, **changes})
    return [Task(Job(Experiment("mae", config, store), seed, out, "cpu"), ("knn", "linear")) for seed in range(2)]


def test_workers_change_no_result(store: Path, tmp_path: Path) -> None:
    outcomes: dict[int, list[Outcome]] = {1: [], 2: []}
    for workers, found in outcomes.items():
        assert run_all(tasks(store, tmp_path / str(workers)), workers, 1, found.append)
    one, two = (
        {outcome.task.job.name: outcome.results for outcome in found if not outcome.error}
        for found in outcomes.values()
    )
    assert list(one) == ["mae-seed0", "mae-seed1"]
    assert set(two) == set(one)
    for name, results in one.items():
        for protocol, result in results.items():
            assert two[name][protocol].metrics == result.metrics


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_stays_where_it_is(workers: int, store: Path, tmp_path: Path) -> None:
    good = tasks(store, tmp_path)[0]
    bad = Task(Job(Experiment("bad", good.job.experiment.config, tmp_path / "no.store"), 0, tmp_path, "cpu"), ("knn",))
    found: list[Outcome] = []
    assert run_all([bad, good], workers, 1, found.append)
    errors = {outcome.task.job.name: outcome.error for outcome in found}
    assert errors["mae-seed0"] == ""
    assert errors["bad-seed0"].startswith("knn: ")
    assert "no.store" in errors["bad-seed0"]


def killed(task: Task) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_killed_worker_is_told(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_work", killed)
    with pytest.raises(RunError, match="fewer --workers"):
        run_all(tasks(store, tmp_path), 2, 1, lambda outcome: None)


def test_what_is_missing(store: Path, tmp_path: Path) -> None:
    task = tasks(store, tmp_path)[0]
    assert task.missing == ("knn", "linear")
    task.job.measure("knn")
    assert task.missing == ("linear",)


def start(store: Path, out: Path, workers: int, seeds: int = 2) -> "subprocess.Popen[bytes]":
    """The command of `SCRIPT`, in a process group of its own."""
    script = out.with_name("job.py")
    script.write_text(SCRIPT)
    words = [sys.executable, script, store, out, str(workers), str(EPOCHS), str(seeds)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(words, env=environment, start_new_session=True)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def steps(run: Path) -> list[float]:
    """Steps in a run's log."""
    log = run / "metrics.jsonl"
    return [json.loads(line)["step"] for line in log.read_text().splitlines()] if log.exists() else []


def is_quiet(run: Path) -> bool:
    """Whether nobody trains any more."""
    before = steps(run)
    time.sleep(0.5)
    return steps(run) == before


@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGTERM), (2, signal.SIGTERM), (2, signal.SIGKILL)])
def test_a_stop_loses_nothing(workers: int, number: signal.Signals, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    first = start(store, out, workers)
    runs = [out / f"mae-seed{seed}" for seed in range(workers)]
    wait_for(lambda: all((run / "state.pt").exists() for run in runs))
    first.send_signal(number)
    assert first.wait(60) == (-number if number == signal.SIGKILL else 130)
    wait_for(lambda: all(is_quiet(run) for run in runs))
    before = [steps(run) for run in runs]
    assert all(0 < max(log) < 3 * EPOCHS for log in before)
    assert start(store, out, workers).wait(120) == 0
    for seed, run in enumerate(runs):
        log = steps(run)
        assert log == sorted(set(log))
        assert log[-1] == 3 * EPOCHS
        assert Result.load(run / "results" / "knn.json").train_seed == seed


def test_a_stop_begins_nothing_new(store: Path, tmp_path: Path) -> None:
    """The pool hands out more tasks than there are workers."""
    out = tmp_path / "runs"
    command = start(store, out, workers=2, seeds=8)
    wait_for(lambda: all((out / f"mae-seed{seed}" / "state.pt").exists() for seed in range(2)))
    command.send_signal(signal.SIGTERM)
    assert command.wait(60) == 130
    assert {path.name for path in out.glob("mae-seed?")} == {"mae-seed0", "mae-seed1"}
