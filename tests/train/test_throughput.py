"""How fast recipes train: figures that agree with each other, and nothing left behind. Speed itself is not tested."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fake import small_store, tiny_config
from kineme.errors import ConfigError
from kineme.methods import methods
from kineme.splits import get_split
from kineme.train import throughput
from kineme.train.compute import count_flops
from kineme.train.stand_in import TimedClips, timed_clips
from kineme.train.throughput import Throughput, measure_throughput
from kineme.train.trainer import Trainer
from small import encoder_for, small_pair

STORE = small_store()
SPLIT = "nucla-xview"


@pytest.fixture(autouse=True)
def _no_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """No products of large matrices."""
    monkeypatch.setattr(throughput, "matrix_peak", lambda device, dtype: 1e12)


def measured(config: Any, clips: TimedClips | None = None, **options: Any) -> Throughput:
    given = timed_clips(config, STORE) if clips is None else clips
    return measure_throughput(config, given, accelerator="cpu", **{"steps": 3, **options})


def test_figures_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tiny_config(split=SPLIT, features={"views": 3})
    config = config.with_changes(train=config.train.with_changes(batch_size=7, epochs=5))
    train, test = get_split(STORE, SPLIT)
    result = measured(config)
    assert (result.clips, result.batch_size, result.limit, len(result.seconds)) == (7, 7, "none", 3)
    assert result.clips_per_second * result.seconds_per_step == pytest.approx(7)
    assert (result.train_clips, result.clips_per_epoch) == (18, 14) == (len(train), 2 * 7)
    assert result.training_seconds == pytest.approx(5 * 14 / result.clips_per_second)
    assert result.probe_seconds == pytest.approx((3 * 18 + len(test)) / result.encoded_per_second)
    assert result.flops_per_clip == count_flops(config, STORE, train, 7)
    assert result.utilisation == pytest.approx(result.flops_per_clip * result.clips_per_second / 1e12)
    assert min(result.views_share, result.seconds_per_step, result.encoded_per_second) > 0
    assert result.peak_memory is None
    assert not list(tmp_path.iterdir())


def test_test_clips_of_several_views() -> None:
    result = measured(tiny_config(split=SPLIT, features={"views": 3, "average": True}))
    assert result.probe_seconds == pytest.approx(3 * len(STORE) / result.encoded_per_second)


def test_only_the_epochs_that_are_run() -> None:
    config = tiny_config()
    result = measured(config.with_changes(train=config.train.with_changes(epochs=9, stop_epoch=4)))
    assert result.epochs == 4


@pytest.mark.parametrize("name", methods.names())
def test_every_method_on_clips_that_are_made_up(name: str) -> None:
    config = small_pair(name, encoder_for(name))
    result = measured(config, timed_clips(config), steps=1)
    assert result.clips_per_second > 0
    assert (result.store, result.layout, result.train_clips) == ("", "kinect20", 1020)


@pytest.mark.parametrize("synthetic", [True, False])
def test_partners(synthetic: bool) -> None:
    config = small_pair("danet", "danet").with_changes(partner="other_view")
    assert measured(config, timed_clips(config, None if synthetic else STORE)).clips == 4


def test_a_training_is_not_disturbed() -> None:
    """Neither torch's own draws nor weights that the run would start from, which need not exist."""
    before = torch.get_rng_state()
    measured(tiny_config(start={"weights": "nowhere"}))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("seconds_of", "clips", "limit"),
    [
        (lambda clips: 0.12 * clips, 16, "time"),
        (lambda clips: 0.8, 20, "none"),  # many clips take no longer than few
        (lambda clips: 60.0, 4, "time"),
    ],
)
def test_fewer_clips_where_a_step_would_take_long(
    seconds_of: Callable[[int], float], clips: int, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "_take_step", lambda trainer: seconds_of(trainer.batch_size))
    config = tiny_config(train={"batch_size": 20})
    result = measured(config)
    assert (result.clips, result.batch_size, result.limit) == (clips, 20, limit)
    assert measured(config, batch_size=20).limit == "none"


def short_of_memory(most: int, monkeypatch: pytest.MonkeyPatch, error: RuntimeError) -> None:
    real = Trainer.train_step

    def step(trainer: Trainer) -> torch.Tensor:
        if trainer.batch_size > most:
            raise error
        return real(trainer)

    monkeypatch.setattr(Trainer, "train_step", step)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory")])
def test_half_the_clips_where_memory_is_short(error: RuntimeError, monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(5, monkeypatch, error)
    result = measured(tiny_config(train={"batch_size": 16}))
    assert (result.clips, result.batch_size, result.limit) == (4, 16, "memory")
    with pytest.raises(ConfigError, match="no memory for 16 clips"):
        measured(tiny_config(), batch_size=16)


def test_never_enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(0, monkeypatch, torch.OutOfMemoryError("CUDA"))
    with pytest.raises(ConfigError, match="no memory for 1 clips"):
        measured(tiny_config())


def test_other_errors_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(0, monkeypatch, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        measured(tiny_config())
