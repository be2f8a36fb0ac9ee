"""Fine-tuning: labels learned, nothing chosen on the test clips, repeats averaged, stopped trainings resumed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fake import small_store, tiny_config
from kineme.errors import RunError
from kineme.evaluate.classify import EpochPredictions, predict
from kineme.evaluate.finetune import Training, finetune, from_scratch, mean_scores, protocol_name
from kineme.evaluate.protocols import Candidates
from kineme.evaluate.result import Result
from kineme.evaluate.select import Selection, score
from kineme.methods.supervised import Supervised
from kineme.recipes.base import RunConfig, fine_tuning
from kineme.splits import get_split
from kineme.train.clips import training_clips
from kineme.train.loop import InterruptedRunError, OnStep, Report, fit
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"
TUNING = {
    "method": {"hidden": 16, "dropout": 0.1},
    "train": {"epochs": 3, "batch_size": 8, "lr": 0.01, "warmup_epochs": 0, "layer_decay": 0.8, "log_steps": 1},
}
CPU = Training(accelerator="cpu")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    config = tiny_config(split=SPLIT, finetune=TUNING)
    return fit(config, STORE, tmp_path_factory.mktemp("runs") / "pretrained", accelerator="cpu")


def config_of(pretrained: RunDir, subset: dict[str, Any] | None = None, **train: Any) -> RunConfig:
    config = fine_tuning(pretrained.config, str(pretrained.path))
    return config.with_changes(
        train=config.train.with_changes(**train), subset=config.subset.with_changes(**subset or {})
    )


def test_settings_come_from_the_recipe(pretrained: RunDir) -> None:
    config = config_of(pretrained)
    assert config.method.name == "supervised"
    assert config.train.layer_decay == 0.8
    assert config.encoder.with_changes(drop_path=0) == pretrained.config.encoder
    assert config.encoder.model_dump()["drop_path"] == 0.3
    assert (config.start.weights, config.start.scope) == (str(pretrained.path), "encoder")
    scratch = from_scratch(config)
    assert (scratch.start.weights, scratch.train.layer_decay) == (None, 1.0)


def test_result_and_controls(pretrained: RunDir, tmp_path: Path) -> None:
    result = finetune(config_of(pretrained), STORE, tmp_path, training=CPU)
    train, test = get_split(STORE, SPLIT)
    assert result.protocol == "finetune@1"
    assert (result.counts.train, result.counts.test) == (len(train), len(test))
    assert result.metrics.last.candidate == "epoch 3"
    assert result.metrics.last.rule == "default setting, nothing selected"
    assert result.metrics.best_val is None
    assert "--best-val" in result.metrics.why_no_best_val
    assert result.untrained is not None
    assert result.coordinate_1nn is not None
    assert Result.load(tmp_path / "results" / "finetune.json") == result
    run = RunDir.open(tmp_path / "seed-0")
    method = run.load_method()
    assert isinstance(method, Supervised)
    correct = predict(method, STORE, test, run.config.prepare).numpy() == STORE.labels[test]
    assert result.metrics.last.accuracy == pytest.approx(correct.mean())


def test_it_starts_from_the_pretrained_encoder(pretrained: RunDir, tmp_path: Path) -> None:
    config = config_of(pretrained, lr=0.0, min_lr=0.0)
    finetune(config, STORE, tmp_path, training=CPU)
    before, after = pretrained.load_method().encoder, RunDir.open(tmp_path / "seed-0").load_method().encoder
    scratch = RunDir.open(tmp_path / "scratch-seed-0").load_method().encoder
    for name, value in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], value)
    assert not torch.equal(scratch.state_dict()["tokeniser.weight"], before.state_dict()["tokeniser.weight"])


def test_training_learns_the_labels(pretrained: RunDir, tmp_path: Path) -> None:
    config = config_of(pretrained, epochs=40)
    finetune(config, STORE, tmp_path, controls=False, training=CPU)
    run = RunDir.open(tmp_path / "seed-0")
    method = run.load_method()
    assert isinstance(method, Supervised)
    train = training_clips(run.config, STORE)
    assert (predict(method, STORE, train, run.config.prepare).numpy() == STORE.labels[train]).mean() > 0.9


def test_a_share_of_the_labels_several_times(pretrained: RunDir, tmp_path: Path) -> None:
    config = config_of(pretrained, {"fraction": 0.5})
    result = finetune(config, STORE, tmp_path, repeats=3, controls=False, training=CPU)
    assert result.protocol == "semi50@1"
    assert result.counts.train == 12
    runs = [RunDir.open(tmp_path / f"seed-{seed}") for seed in range(3)]
    shares = [training_clips(run.config, STORE).tolist() for run in runs]
    assert len({tuple(share) for share in shares}) == 3
    test = get_split(STORE, SPLIT)[1]
    truth = torch.from_numpy(STORE.labels[test].astype(np.int64))
    kept = [EpochPredictions(run.path / "predictions.npy").load(3)[-1] for run in runs]
    accuracies = [float((classes == truth).double().mean()) for classes in kept]
    assert result.metrics.last.accuracy == pytest.approx(np.mean(accuracies))
    assert result.metrics.extra["deviation over repeats"] == pytest.approx(np.std(accuracies, ddof=1))
    assert np.sum(result.metrics.confusion) == 3 * len(test)


def test_best_val_comes_from_a_training_without_the_validation_subjects(pretrained: RunDir, tmp_path: Path) -> None:
    result = finetune(config_of(pretrained), STORE, tmp_path, best_val=True, controls=False, training=CPU)
    assert result.metrics.best_val is not None
    inner = RunDir.open(tmp_path / "seed-0-validation")
    held_out = set(get_split(STORE, SPLIT)[0].tolist()) - set(training_clips(inner.config, STORE).tolist())
    assert len(held_out) == result.counts.validation > 0
    assert len({int(STORE.clips["subject"][clip]) for clip in held_out}) == 1


def test_labels_of_test_clips_change_nothing_but_the_score(pretrained: RunDir, tmp_path: Path) -> None:
    test = get_split(STORE, SPLIT)[1]
    store = small_store(num_clips=36)
    store.clips["label"][test] = (store.clips["label"][test] + 1) % 3
    for name, clips in (("true", STORE), ("false", store)):
        finetune(config_of(pretrained), clips, tmp_path / name, controls=False, training=CPU)
    first, second = (np.load(tmp_path / name / "seed-0" / "predictions.npy") for name in ("true", "false"))
    assert np.array_equal(first, second)


def stopping(step: int) -> Training:
    @contextmanager
    def display(title: str) -> Iterator[OnStep]:
        def stop(report: Report) -> None:
            if report.step == step:
                signal.raise_signal(signal.SIGTERM)

        yield stop

    return Training(accelerator="cpu", display=display)


@pytest.mark.parametrize("step", [2, 3, 7])
def test_stopped_and_resumed(pretrained: RunDir, tmp_path: Path, step: int) -> None:
    config = config_of(pretrained)
    with pytest.raises(InterruptedRunError):
        finetune(config, STORE, tmp_path / "stopped", controls=False, training=stopping(step))
    resumed = Training(resume=True, accelerator="cpu")
    result = finetune(config, STORE, tmp_path / "stopped", controls=False, training=resumed)
    whole = finetune(config, STORE, tmp_path / "whole", controls=False, training=CPU)
    assert result.metrics == whole.metrics
    first, second = (np.load(tmp_path / name / "seed-0" / "predictions.npy") for name in ("stopped", "whole"))
    assert np.array_equal(first, second)


def test_finished_training_is_not_overwritten(pretrained: RunDir, tmp_path: Path) -> None:
    finetune(config_of(pretrained), STORE, tmp_path, controls=False, training=CPU)
    with pytest.raises(RunError, match="holds a run already"):
        finetune(config_of(pretrained), STORE, tmp_path, controls=False, training=CPU)


def test_weights_that_are_not_there(pretrained: RunDir, tmp_path: Path) -> None:
    config = config_of(pretrained)
    config = config.with_changes(start=config.start.with_changes(weights=str(tmp_path / "mae-nucla")))
    with pytest.raises(RunError, match="kineme pretrain mae-nucla"):
        finetune(config, STORE, tmp_path / "out", training=CPU)
    assert not (tmp_path / "out").exists()


def test_names_of_protocols(pretrained: RunDir) -> None:
    assert protocol_name(config_of(pretrained)) == "finetune"
    assert protocol_name(config_of(pretrained, {"fraction": 0.1})) == "semi10"
    assert protocol_name(config_of(pretrained, {"fraction": 0.01})) == "semi1"


def test_mean_of_one_is_itself() -> None:
    candidates = torch.tensor([[0, 1, 1], [0, 0, 1]])
    one = score(Selection(Candidates(("a", "b"), candidates, 1), 0), torch.tensor([0, 1, 1]), 2)
    assert mean_scores([one]) == one


def test_predictions_are_kept_by_epoch(tmp_path: Path) -> None:
    kept = EpochPredictions(tmp_path / "predictions.npy")
    for epoch in (1, 2, 3, 2, 3):  # stopped after the third, resumed after the first
        kept.keep(epoch, torch.tensor([epoch, 7]))
    assert kept.load(3).tolist() == [[1, 7], [2, 7], [3, 7]]
    with pytest.raises(RunError, match="predictions of 3 epochs, expected 4"):
        kept.load(4)
    (tmp_path / "predictions.npy").write_bytes(b"no array")
    with pytest.raises(RunError, match="no readable predictions"):
        kept.load(3)


def test_runs_from_scratch_can_be_shared(pretrained: RunDir, tmp_path: Path) -> None:
    config, resume = config_of(pretrained), Training(resume=True, accelerator="cpu")
    other = config.with_changes(recipe="another")
    results = [
        finetune(one, STORE, tmp_path / name, scratch=tmp_path / "shared", training=resume)
        for name, one in (("first", config), ("second", other))
    ]
    assert results[0].untrained == results[1].untrained
    assert {path.name for path in (tmp_path / "second").iterdir()} == {"seed-0", "results", "predictions"}
