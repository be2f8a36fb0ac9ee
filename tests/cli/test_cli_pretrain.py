"""``kineme pretrain``: settings by name, runs that can be replayed and resumed, and refusals that help."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from command_line import TINY, kineme, refuse, succeed
from fake import small_store
from kineme.cli import pretrain as command
from kineme.evaluate.monitor import read_monitor
from kineme.store import SkeletonStore
from kineme.train.loop import Report
from kineme.train.run_dir import RunDir


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store().save(path)
    return path


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    """Trained once, by the command."""
    out = store.with_name("run")
    text = succeed("pretrain", "mae-compact", "--store", store, "--out", out, *TINY)
    assert f"kineme eval linear {out} --store {store}" in text
    return out


def weights(run: Path) -> bytes:
    """The trained weights as written."""
    return (run / "weights.safetensors").read_bytes()


def test_dry_run_prints_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = json.loads(succeed("pretrain", "mae-compact", "--dry-run", *TINY, "--method.mask-ratio", 0.5))
    assert (config["recipe"], config["split"]) == ("mae-compact", "nucla-xview")
    assert (config["train"]["epochs"], config["encoder"]["width"], config["method"]["mask_ratio"]) == (2, 16, 0.5)
    assert not list(tmp_path.iterdir())


def test_help_of_a_recipe_lists_its_settings() -> None:
    text = succeed("pretrain", "mamp-ntu60-xsub", "--help")
    assert "--method.tau" in text
    assert "--train.epochs" in text
    assert "--method.tau" not in succeed("pretrain", "mae-compact", "--help")


def test_unknown_recipe() -> None:
    assert "perhaps you meant mae-compact" in refuse("pretrain", "mae-compct", "--dry-run")


def test_unknown_setting() -> None:
    answer = kineme("pretrain", "mae-compact", "--dry-run", "--train.epocs", 3)
    assert answer.status == 2
    assert "--train.epochs" in answer.err.partition("Perhaps you meant")[2]


@pytest.mark.parametrize(("setting", "value"), [("--train.epochs", 0), ("--train.lr", "fast"), ("--split", None)])
def test_setting_out_of_bounds(setting: str, value: object) -> None:
    answer = kineme("pretrain", "mae-compact", "--dry-run", setting, *([] if value is None else [value]))
    assert answer.status == 2
    assert setting.split(".")[-1].strip("-") in answer.err


def test_recipe_comes_first() -> None:
    assert kineme("pretrain").status == 2
    message = refuse("pretrain", "--store", "mine", "mae-compact")
    assert "kineme pretrain mae-compact --store mine" in message


def test_no_store(tmp_path: Path) -> None:
    assert "--store STORE" in refuse("pretrain", "mae-compact")
    assert "kineme data prepare" in refuse("pretrain", "mae-compact", "--store", tmp_path / "nowhere")


def test_no_device(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no such device\nand a long explanation")

    monkeypatch.setattr("torch.empty", unavailable)
    message = refuse("pretrain", "mae-compact", "--store", store, "--accelerator", "cuda")
    assert "'cuda' (no such device); kineme doctor" in message


def test_training_reports_itself(run: Path, store: Path) -> None:
    answer = kineme("pretrain", "--config", run / "run.json", "--store", store, "--out", run.with_name("told"))
    assert f"trained: {run.with_name('told')}" in answer.out
    assert "step 4/4  epoch 2.0  loss " in answer.err
    assert RunDir.open(run).metrics()[-1]["step"] == 4


@pytest.mark.parametrize("form", ["--config {}", "--config={}"])
def test_run_json_replays_a_run(run: Path, store: Path, tmp_path: Path, form: str) -> None:
    words = [word.format(run / "run.json") for word in form.split()]
    succeed("pretrain", "--store", store, "--out", tmp_path / "again", *words)
    assert weights(tmp_path / "again") == weights(run)


def test_a_configuration_alone_replays_too(run: Path, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(succeed("pretrain", "--config", run / "run.json", "--dry-run", "--train.seed", 1))
    succeed("pretrain", "--config", file, "--store", store, "--out", tmp_path / "other")
    assert RunDir.open(tmp_path / "other").config.train.seed == 1
    assert weights(tmp_path / "other") != weights(run)


def test_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in refuse("pretrain", "--config", tmp_path / "nowhere.json", "--dry-run")
    (tmp_path / "torn.json").write_text('{"method": ')
    assert "not JSON" in refuse("pretrain", "--config", tmp_path / "torn.json", "--dry-run")


def test_existing_run_is_refused_and_unchanged(run: Path, store: Path) -> None:
    before = weights(run)
    message = refuse("pretrain", "mae-compact", "--store", store, "--out", run, *TINY, "--train.seed", 1)
    assert "--resume" in message
    assert weights(run) == before


def test_resume_of_another_configuration(run: Path, store: Path) -> None:
    message = refuse("pretrain", "mae-compact", "--store", store, "--out", run, "--resume")
    assert f"--config {run / 'run.json'}" in message


def test_interrupted_and_resumed(run: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    words = ["pretrain", "mae-compact", "--store", store, "--out", out, *TINY]
    with monkeypatch.context() as patch:
        patch.setattr(command, "training_display", stop_after_3_steps)
        stopped = kineme(*words)
    assert stopped.status == 130
    assert f"after step 3 of 4, nothing is lost; go on with --resume --out {out}" in stopped.err
    assert weights(out) != weights(run)
    succeed(*words, "--resume")
    assert weights(out) == weights(run)


@contextmanager
def stop_after_3_steps(beside: Callable[[], str]) -> Iterator[Callable[[Report], None]]:
    """A display during which somebody presses Ctrl-C."""

    def on_step(report: Report) -> None:
        if report.step == 3:
            signal.raise_signal(signal.SIGINT)

    yield on_step


def test_runs_are_named_after_their_recipe(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    succeed("pretrain", "mae-compact", "--store", store, *TINY)
    assert RunDir.open("runs/mae-compact").config.recipe == "mae-compact"


def test_monitoring_changes_no_weight(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "watched"
    answer = kineme("pretrain", "mae-compact", "--store", store, "--out", out, *TINY, "--monitor", 1)
    assert answer.status == 0, answer.err
    assert weights(out) == weights(run)
    assert not (run / "monitor.jsonl").exists()
    lines = read_monitor(out / "monitor.jsonl")
    assert [line["epoch"] for line in lines] == [1, 2]
    figures = " / ".join(f"{100 * lines[-1][f'k={k}']:.1f}" for k in (10, 20, 40))
    assert f"kNN {figures} % at 2" in answer.err.splitlines()[-1]


def test_replayed_and_resumed_runs_are_monitored(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    words = ["pretrain", "--config", run / "run.json", "--store", store, "--out", out]
    succeed(*words, "--monitor", 2)
    assert [line["epoch"] for line in read_monitor(out / "monitor.jsonl")] == [2]
    succeed(*words, "--resume", "--train.seed", 0)
    assert [line["epoch"] for line in read_monitor(out / "monitor.jsonl")] == [2]


@pytest.mark.parametrize("every", [0, -1])
def test_monitoring_so_often(every: int) -> None:
    message = refuse("pretrain", "mae-compact", "--store", "nowhere", "--monitor", every)
    assert f"--monitor {every}: expected a whole number, at least 1" in message


@pytest.mark.parametrize(
    ("clips", "reason"),
    [
        (small_store(labelled=False), "none of the 18 training clips has a label"),
        (small_store(subjects=1), "the training clips hold no other than 1"),
    ],
    ids=["no labels", "one subject"],
)
def test_nothing_to_monitor_by(tmp_path: Path, clips: SkeletonStore, reason: str) -> None:
    clips.save(tmp_path / "store")
    words = ["pretrain", "mae-compact", "--store", tmp_path / "store", "--out", tmp_path / "run", *TINY]
    message = refuse(*words, "--monitor", 1)
    assert reason in message
    assert "leave --monitor out" in message
    assert not (tmp_path / "run").exists()
    succeed(*words)
