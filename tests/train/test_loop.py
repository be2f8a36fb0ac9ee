"""The training loop: it learns, it stops when asked, and a resumed run is the run that was never stopped."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fake import small_store, tiny_config
from kineme.clip_source import ClipSource
from kineme.errors import ConfigError, KinemeError, LayoutMismatchError, RunError, SplitError
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.loop import InterruptedRunError, OnStep, Report, fit
from kineme.train.run_dir import RunDir
from kineme.transforms import Augmentation, Phase
from ragged import ragged_store
from small import small_pair

SCRIPT = Path(__file__).with_name("fit_script.py")
STORE = small_store()
STEPS = 6  # 24 clips, batches of 8, 2 epochs

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ema": {"ema": 0.9},
    "accumulate": {"accumulate": 2},
    "clip_norm": {"clip_norm": 0.1},
    "bf16": {"precision": "bf16-mixed"},
    "everything": {"ema": 0.5, "accumulate": 3, "clip_norm": 1.0, "seed": 5},
}


def config_with(**train: Any) -> RunConfig:
    plain = tiny_config()
    # Stochastic depth draws from torch's own generator, which must be restored too.
    encoder = plain.encoder.with_changes(drop_path=0.2, depth=2)
    return plain.with_changes(encoder=encoder, train=plain.train.with_changes(**train))


def run(config: RunConfig, out: Path, store: SkeletonStore = STORE, **options: Any) -> RunDir:
    return fit(config, store, out, accelerator="cpu", **options)


def stop_at(step: int, number: int = signal.SIGTERM) -> OnStep:
    def stop(report: Report) -> None:
        if report.step == step:
            signal.raise_signal(number)

    return stop


def result(run: RunDir) -> tuple[dict[str, torch.Tensor], list[tuple[float, ...]]]:
    """Weights and what was logged, but for the time it took."""
    lines = [tuple(line[key] for key in ("step", "epoch", "loss", "lr")) for line in run.metrics()]
    return load_file(run.path / "weights.safetensors"), lines


def assert_same(first: RunDir, second: RunDir) -> None:
    (weights, lines), (others, other_lines) = result(first), result(second)
    assert lines == other_lines
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


class Copying(ClipSource):
    """Clips of a store that never fits."""

    def __init__(self, store: SkeletonStore, device: torch.device) -> None:
        super().__init__(store, device)
        self.resident = False


@pytest.mark.parametrize("partner", [None, "other_view"])
def test_a_store_that_does_not_fit_changes_nothing(
    partner: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_with(accumulate=2)
    if partner is not None:
        pair = small_pair("danet", "danet")
        config = pair.with_changes(partner=partner, train=config.train)
    plain = run(config, tmp_path / "plain")
    monkeypatch.setattr("kineme.train.trainer.ClipSource", Copying)
    assert_same(plain, run(config, tmp_path / "copying"))


def script(tmp_path: Path, config: RunConfig, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `fit_script.py` on the small store, with results in ``tmp_path / "run"``."""
    store, settings = tmp_path / "store", tmp_path / "config.json"
    if not store.exists():
        STORE.save(store)
    settings.write_text(config.model_dump_json())
    command = [sys.executable, str(SCRIPT), *map(str, [store, settings, tmp_path / "run", *arguments])]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunDir]:
    """Runs that nothing stopped, by variant, each made once."""
    runs: dict[str, RunDir] = {}

    def get(variant: str) -> RunDir:
        if variant not in runs:
            runs[variant] = run(config_with(**VARIANTS[variant]), tmp_path_factory.mktemp(variant))
        return runs[variant]

    return get


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_loss_falls(variant: str, undisturbed: Callable[[str], RunDir]) -> None:
    _, lines = result(undisturbed(variant))
    assert [line[0] for line in lines] == list(range(1, STEPS + 1))
    assert lines[-1][2] < lines[0][2]


def test_same_configuration_same_run(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    assert_same(run(config_with(), tmp_path), undisturbed("plain"))


def test_another_seed_is_another_run(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    assert result(run(config_with(seed=1), tmp_path))[1] != result(undisturbed("plain"))[1]


@pytest.mark.parametrize(
    ("variant", "step"), [*((variant, 4) for variant in VARIANTS), *(("plain", step) for step in (1, 3, 5))]
)
def test_stopped_and_resumed(tmp_path: Path, variant: str, step: int, undisturbed: Callable[[str], RunDir]) -> None:
    config = config_with(**VARIANTS[variant])
    with pytest.raises(InterruptedRunError, match=f"stopped after step {step} of {STEPS}.*--resume"):
        run(config, tmp_path, on_step=stop_at(step))
    seen: list[int] = []
    resumed = run(config, tmp_path, resume=True, on_step=lambda report: seen.append(report.step))
    assert seen == list(range(step + 1, STEPS + 1))
    assert_same(resumed, undisturbed(variant))


def test_ctrl_c_stops_too_and_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterruptedRunError):
        run(config_with(), tmp_path, on_step=stop_at(2, signal.SIGINT))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_killed_process_and_resumed(
    tmp_path: Path, number: signal.Signals, undisturbed: Callable[[str], RunDir]
) -> None:
    """Killed at step 5; the last checkpoint of the killed one is that of the first epoch, step 3."""
    config = config_with(**VARIANTS["everything"])
    died = script(tmp_path, config, 1, 5, int(number))
    assert died.returncode == (-number if number == signal.SIGKILL else 1), died.stderr
    assert_same(run(config, tmp_path / "run", resume=True), undisturbed("everything"))


def test_torn_metrics_line(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    with pytest.raises(InterruptedRunError):
        run(config_with(), tmp_path, on_step=stop_at(4))
    with (tmp_path / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 5, "ep')
    assert [line["step"] for line in RunDir.open(tmp_path).metrics()] == [1, 2, 3, 4]
    assert_same(run(config_with(), tmp_path, resume=True), undisturbed("plain"))


def test_killed_before_the_first_checkpoint(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    RunDir.create(tmp_path, config_with(), STORE, len(STORE))
    assert_same(run(config_with(), tmp_path, resume=True), undisturbed("plain"))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    finished = run(config_with(), tmp_path)
    assert_same(run(config_with(), tmp_path, resume=True), undisturbed("plain"))
    assert_same(finished, undisturbed("plain"))


def test_reports(tmp_path: Path) -> None:
    reports: list[Report] = []
    run(config_with(log_steps=4, checkpoint_epochs=2), tmp_path, on_step=reports.append)
    assert [(report.step, report.steps, report.clips) for report in reports] == [(i, 6, i * 8) for i in range(1, 7)]
    assert [report.step for report in reports if report.loss is not None] == [4, 6]
    assert reports[-1].epoch == 2


def test_a_run_may_end_before_its_schedule(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    short = result(run(config_with(stop_epoch=1), tmp_path))[1]
    assert short == result(undisturbed("plain"))[1][: len(short)]
    assert len(short) == STEPS // 2


def test_average_is_what_is_saved(undisturbed: Callable[[str], RunDir]) -> None:
    averaged, plain = result(undisturbed("ema"))[0], result(undisturbed("plain"))[0]
    assert averaged.keys() == plain.keys()
    assert result(undisturbed("ema"))[1] == result(undisturbed("plain"))[1]
    assert any(not torch.equal(averaged[name], plain[name]) for name in plain)


def test_labels_play_no_part(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    assert_same(run(config_with(), tmp_path, store=small_store(labelled=False)), undisturbed("plain"))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the loss is (nan|inf) at step \d; lower --train.lr"):
        run(config_with(lr=1e30, min_lr=1e30, warmup_epochs=0), tmp_path)


def test_a_small_store_is_one_batch(tmp_path: Path) -> None:
    few = small_store(num_clips=3)
    assert len(run(config_with(), tmp_path, store=few).metrics()) == 2


def other_config(out: Path) -> RunDir:
    return run(config_with(seed=9), out, resume=True)


def other_store(out: Path) -> RunDir:
    return run(config_with(), out, store=small_store(num_clips=12), resume=True)


def other_joints(out: Path) -> RunDir:
    return run(config_with(), out, store=ragged_store(0, [(1, 20)] * len(STORE), "kinect25"), resume=True)


@pytest.mark.parametrize(
    ("again", "error", "message"),
    [
        (lambda out: run(config_with(), out), RunError, "holds a run already; choose another --out, .*--resume"),
        (other_config, RunError, "holds a run with another configuration; resume it with: --config .*run.json"),
        (other_store, RunError, "was run on 24 clips, this store offers 12"),
        (other_joints, LayoutMismatchError, "20"),
        (lambda out: run(config_with(), out / "nothing", resume=True), RunError, "no run here"),
    ],
)
def test_refusals_leave_the_run_alone(
    tmp_path: Path, again: Callable[[Path], RunDir], error: type[KinemeError], message: str
) -> None:
    run(config_with(epochs=1), tmp_path)
    RunDir.create(tmp_path / "two", config_with(), STORE, len(STORE))
    before = {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
    with pytest.raises(error, match=message):
        again(tmp_path / "two")
    assert {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()} == before


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (tiny_config(prepare={"window": 18, "bodies": 1}), ConfigError, "window 18 is not a multiple"),
        (tiny_config(augment=({}, {})), ConfigError, "mae wants 1 views, the run describes 2"),
        (tiny_config(split="ntu120-xset"), SplitError, "setup"),
    ],
)
def test_impossible_runs_leave_nothing(
    tmp_path: Path, config: RunConfig, error: type[KinemeError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    """They finish; and where only one of them is asked to stop, both do, and go on to the same end."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    done = script(whole, config_with(), 2)
    assert done.returncode == 0, done.stderr
    # Each process draws its own masks, so two agree with one in kind but not in number.
    (_, lines), (_, alone) = result(RunDir.open(whole / "run")), result(undisturbed("plain"))
    assert [line[0] for line in lines] == [line[0] for line in alone]
    assert lines[0][2] == pytest.approx(alone[0][2], rel=0.3)
    assert script(parts, config_with(), 2, 4, int(signal.SIGTERM)).returncode != 0
    assert [line["step"] for line in RunDir.open(parts / "run").metrics()] == [1, 2, 3, 4]
    assert script(parts, config_with(), 2).returncode == 0
    assert_same(RunDir.open(parts / "run"), RunDir.open(whole / "run"))


def test_a_run_starts_from_the_weights_of_another(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    first = undisturbed("plain")
    still = config_with(lr=0.0, min_lr=0.0, weight_decay=0.0)
    started = still.with_changes(start=still.start.with_changes(weights=str(first.path)))
    second = run(started, tmp_path / "second")
    assert all(torch.equal(value, result(first)[0][name]) for name, value in result(second)[0].items())
    encoder = run(started.with_changes(start=started.start.with_changes(scope="encoder")), tmp_path / "encoder")
    fresh = run(still, tmp_path / "fresh")
    weights, own, taken = (result(one)[0] for one in (encoder, fresh, first))
    for name, value in weights.items():
        assert torch.equal(value, (taken if name.startswith("encoder.") else own)[name])


def test_resuming_needs_the_first_weights_no_more(tmp_path: Path, undisturbed: Callable[[str], RunDir]) -> None:
    weights = tmp_path / "first.safetensors"
    weights.write_bytes((undisturbed("plain").path / "weights.safetensors").read_bytes())
    config = config_with(seed=2)
    config = config.with_changes(start=config.start.with_changes(weights=str(weights)))
    whole = run(config, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        run(config, tmp_path / "stopped", on_step=stop_at(4))
    weights.rename(tmp_path / "moved")
    assert_same(run(config, tmp_path / "stopped", resume=True), whole)
    (tmp_path / "stopped" / "state.pt").unlink()  # killed before its first checkpoint, it starts over
    weights.symlink_to(tmp_path / "moved")
    assert_same(run(config, tmp_path / "stopped", resume=True), whole)


def test_epochs_are_told_after_each(tmp_path: Path) -> None:
    told: list[tuple[int, bool]] = []
    run(config_with(), tmp_path, on_epoch=lambda epoch, method: told.append((epoch, method.training)))
    assert told == [(1, True), (2, True)]


def test_scheduled_views_change_by_epoch_and_resume(tmp_path: Path) -> None:
    """Strong noise in the first epoch, one of two augmentations in the second."""
    view = Augmentation(noise=1.0, noise_std=5.0, mirror=0.5, rotation=(0, 0, 0))
    phases = (Phase(until_epoch=1), Phase(until_epoch=2, choose=1))
    scheduled, always = (
        config_with().with_changes(augment=(view.with_changes(schedule=schedule),)) for schedule in (phases, ())
    )
    whole, plain = run(scheduled, tmp_path / "whole"), run(always, tmp_path / "plain")
    ours, others = result(whole)[1], result(plain)[1]
    assert ours[: STEPS // 2] == others[: STEPS // 2]
    assert ours[STEPS // 2] != others[STEPS // 2]
    with pytest.raises(InterruptedRunError):
        run(scheduled, tmp_path / "stopped", on_step=stop_at(4))
    assert_same(run(scheduled, tmp_path / "stopped", resume=True), whole)
