"""Experiments: one job under every kind of protocol, nothing done twice, and runs that start from one another."""

from pathlib import Path

import pytest

from fake import tiny_config
from kineme.errors import UnknownNameError
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig, recipe_config
from kineme.reproduce.experiments import Experiment, Job, share
from kineme.train.run_dir import RunDir
from small import small_run

TRAIN = {"epochs": 1, "batch_size": 8, "warmup_epochs": 0}
TUNING = {"method": {"name": "supervised", "hidden": 8}, "train": TRAIN}
SPLIT = "nucla-xview"


@pytest.fixture(scope="module")
def job(store: Path) -> Job:
    """MAE with seed 1."""
    config = tiny_config(split=SPLIT, finetune=TUNING)
    return Job(Experiment("mae", config, store), 1, store.with_name("runs"), "cpu")


def small_recipe(name: str, **changes: object) -> RunConfig:
    """A recipe with networks and trainings to match the small store."""
    return small_run(recipe_config(name)).with_changes(split=SPLIT, **changes)


PROTOCOLS = ("linear", "knn", "finetune", "semi50", "fusion-linear", "fused finetune")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol(job: Job, protocol: str) -> None:
    result = job.measure(protocol)
    assert result.name == protocol.replace("fused finetune", "fusion-classify")
    assert result.train_seed == 1
    assert Result.load(job.result_file(protocol)) == result
    assert all(run.config.train.seed == 1 for run in job.runs(protocol))


def test_streams_that_are_fused(job: Job) -> None:
    job.measure("fusion-linear")
    streams = [(run.path.name, run.config.prepare.stream) for run in job.runs("fusion-linear")]
    assert streams == [("mae-seed1", "joint"), ("mae-seed1-motion", "motion"), ("mae-seed1-bone", "bone")]


def test_nothing_is_done_twice(job: Job) -> None:
    results = [job.measure(protocol) for protocol in PROTOCOLS]
    before = {file: file.stat().st_mtime_ns for file in job.out.rglob("*") if file.is_file()}
    assert [job.measure(protocol) for protocol in PROTOCOLS] == results
    assert {file: file.stat().st_mtime_ns for file in job.out.rglob("*") if file.is_file()} == before


def test_a_lost_result_takes_no_training(job: Job) -> None:
    result = job.measure("knn")
    weights = (job.folder("joint") / "weights.safetensors").read_bytes()
    job.result_file("knn").unlink()
    assert job.measure("knn") == result
    assert (job.folder("joint") / "weights.safetensors").read_bytes() == weights


def test_another_stream_than_that_of_joints(store: Path, tmp_path: Path) -> None:
    config = tiny_config(split=SPLIT, train=TRAIN).with_changes(prepare={"window": 16, "bodies": 1, "stream": "motion"})
    job = Job(Experiment("mae-motion", RunConfig.parse(config.model_dump()), store), 0, tmp_path, "cpu")
    job.measure("knn")
    assert [run.path.name for run in job.runs("knn")] == ["mae-motion-seed0"]


def test_a_classifier_by_its_own_head(store: Path, tmp_path: Path) -> None:
    config = tiny_config(split=SPLIT, **TUNING)
    job = Job(Experiment("supervised", config, store), 0, tmp_path, "cpu")
    assert job.measure("classify").name == "classify"
    assert job.measure("fusion-classify").name == "fusion-classify"
    assert len(job.runs("fusion-classify")) == 3


def test_a_source_of_the_same_seed_and_stream(store: Path, tmp_path: Path) -> None:
    source = Experiment("aimclr", small_recipe("aimclr-nucla"), store)
    config = small_recipe("actclr-nucla", start={"weights": "runs/aimclr-nucla"})
    job = Job(Experiment("actclr", RunConfig.parse(config.model_dump()), store, source), 2, tmp_path, "cpu")
    run = job.trained("bone")
    assert run.config.start.weights == str(tmp_path / "aimclr-seed2-bone")
    assert RunDir.open(tmp_path / "aimclr-seed2-bone").config.prepare.stream == "bone"


def test_a_method_of_several_streams_is_trained_once(store: Path, tmp_path: Path) -> None:
    config = small_recipe("crosclr-nucla", finetune=TUNING)
    job = Job(Experiment("crosclr", RunConfig.parse(config.model_dump()), store), 0, tmp_path, "cpu")
    assert set(job.measure("fusion-knn").metrics.extra) == {"joint", "motion", "bone"}
    assert [run.path.name for run in job.runs("fusion-knn")] == ["crosclr-seed0"]
    fused = job.measure("fused finetune")
    assert set(fused.metrics.extra) == {"joint", "motion", "bone"}
    assert Result.load(job.result_file("fused finetune")) == fused


def test_an_unknown_protocol_is_refused_before_training(store: Path, tmp_path: Path) -> None:
    job = Job(Experiment("mae", tiny_config(split=SPLIT), store), 0, tmp_path / "runs", "cpu")
    for protocol in ("lineal", "fusion-lineal"):
        with pytest.raises(UnknownNameError):
            job.measure(protocol)
    assert not job.out.exists()


def test_share_of_labels() -> None:
    assert share("finetune") == 1
    assert share("semi10") == 0.1
    assert share("semi1") == 0.01
