"""``kineme eval`` and ``kineme report``: results on the screen and in the run, side by side."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from command_line import TINY, refuse, succeed
from fake import small_store
from kineme.evaluate.result import Result
from kineme.store import SkeletonStore

PROTOCOLS = ("linear", "logreg", "common", "knn", "refined", "retrieval")


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    """Trained once; nothing is evaluated yet."""
    succeed("pretrain", "mae-compact", "--store", store, "--out", store.with_name("run"), *TINY)
    return store.with_name("run")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The run, for a test that leaves other results in it."""
    return shutil.copytree(run, tmp_path / "copy")


@pytest.fixture(scope="module")
def texts(run: Path, store: Path) -> dict[str, str]:
    """What every protocol says about the run."""
    return {protocol: succeed("eval", protocol, run, "--store", store) for protocol in PROTOCOLS}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_table_and_result(texts: dict[str, str], run: Path, protocol: str) -> None:
    text, result = texts[protocol], Result.load(run / "results" / f"{protocol}.json")
    assert f"{protocol}@" in text
    assert "24 training, 12 test clips" in text
    assert result.untrained is not None
    for features, scores in (("pretrained", result.metrics), ("untrained twin", result.untrained)):
        for rule, score in (("last", scores.last), ("best_val", scores.best_val), ("best_test", scores.best_test)):
            assert score is not None
            assert shown(text, f"{features}, {rule}") == (f"{100 * score.accuracy:.1f}", score.rule)
    assert shown(text, "coordinate 1-NN")[0] == "100.0"
    assert "chance 33.3 %" in text
    assert ("mAP" in text) == (protocol == "retrieval")


def shown(text: str, row: str) -> tuple[str, str]:
    """Accuracy and rule in one row of the table."""
    cells = next(line for line in text.splitlines() if f" {row} " in line).split("│")
    return cells[3].strip(), cells[5].strip()


def test_options_reach_the_evaluation(copy: Path, store: Path) -> None:
    options = ["--no-controls", "--split", "odd-even-subjects", "--seed", 3]
    text = succeed("eval", "knn", copy, "--store", store, *options)
    result = Result.load(copy / "results" / "knn-odd-even-subjects.json")
    assert "untrained twin" not in text
    assert (result.split, result.seed, result.untrained) == ("odd-even-subjects", 3, None)


def test_no_validation_subjects(copy: Path, tmp_path: Path) -> None:
    small_store(36, subjects=1).save(tmp_path / "store")
    text = succeed("eval", "retrieval", copy, "--store", tmp_path / "store")
    assert "best_val " not in text.partition("no best_val: ")[0]
    assert "subject" in text.partition("no best_val: ")[2]


def test_another_layout_names_the_command_that_helps(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    SkeletonStore.from_arrays([np.random.rand(9, 25, 3)], "kinect25", labels=[0]).save(other)
    message = refuse("eval", "knn", run, "--store", other)
    assert "kinect25" in message
    assert f"kineme data convert {other} --layout kinect20 --out" in message


def test_what_cannot_be_evaluated(run: Path, store: Path, tmp_path: Path) -> None:
    small_store(36, labelled=False).save(tmp_path / "unlabelled")
    assert "no labels" in refuse("eval", "linear", run, "--store", tmp_path / "unlabelled")
    assert "no run here" in refuse("eval", "linear", tmp_path, "--store", store)
    assert "no skeleton store here" in refuse("eval", "linear", run, "--store", tmp_path)
    assert "nucla-xview" in refuse("eval", "linear", run, "--store", store, "--split", "nucla")
    assert "'tpu9'" in refuse("eval", "linear", run, "--store", store, "--device", "tpu9")


def test_report(texts: dict[str, str], run: Path, tmp_path: Path) -> None:
    text = succeed("report", run, run, "--out", tmp_path / "report")
    for column in ("last", "best_val", "best_test", "untrained twin", "coordinate 1-NN"):
        assert column in text
    for protocol in texts:
        assert text.count(f" {protocol}@") == 2
    assert len(json.loads((tmp_path / "report" / "report.json").read_text())["table"]) == 2 * len(PROTOCOLS)
    assert (tmp_path / "report" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_report_of_nothing(store: Path, tmp_path: Path) -> None:
    assert "kineme report RUN" in refuse("report")
    assert "no run here" in refuse("report", tmp_path)
    out = tmp_path / "fresh"
    succeed("pretrain", "mae-compact", "--store", store, "--out", out, *TINY)
    assert f"kineme eval linear {out}" in refuse("report", out)
    assert not (out / "report.json").exists()


def test_coordinates_alone_are_measured_without_a_run(tmp_path: Path) -> None:
    small_store(num_clips=36).save(tmp_path / "store")
    text = succeed("eval", "coordinates", tmp_path / "store", "--split", "nucla-xview")
    assert "nucla-xview: 24 training and 12 test clips" in text
    assert "PCA-200 + logistic regression" in text


def test_numbers_that_cannot_be(tmp_path: Path) -> None:
    small_store().save(tmp_path / "store")
    assert "--seed -1: expected" in refuse("eval", "knn", tmp_path, "--store", tmp_path / "store", "--seed", -1)
    message = refuse("pretrain", "mae-nucla", "--store", tmp_path / "store", "--devices", 0, "--out", tmp_path / "run")
    assert "--devices 0: expected" in message
