"""``kineme eval robustness``: the table, the mean, the picture and the file."""

from pathlib import Path

import pytest

from command_line import kineme
from fake import small_store, tiny_config
from kineme.evaluate.robustness import Robustness
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

SPLIT = "nucla-xview"


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    """A run and its store."""
    store, config = small_store(num_clips=24), tiny_config(split=SPLIT)
    store.save(tmp_path / "store")
    run = RunDir.create(tmp_path / "run", config, store, 16)
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    return run.path, tmp_path / "store"


def test_table_picture_and_file(paths: tuple[Path, Path], tmp_path: Path) -> None:
    run, store = paths
    few = ["--corruptions", "jitter", "joint_drop", "--severities", 1, 5]
    answer = kineme("eval", "robustness", run, "--store", store, *few, "--out", tmp_path / "curves.png")
    assert answer.status == 0, answer.err
    result = Robustness.load(run / "robustness" / "knn.json")
    for curve in result.curves:
        row = next(line for line in answer.out.splitlines() if f" {curve.corruption} " in line).split("│")
        shown = [cell.strip() for cell in row[2:-1]]
        assert shown == [f"{100 * value:.1f}" for value in (*(score.accuracy for score in curve.scores), curve.mean)]
    assert f"mean corruption accuracy {100 * result.mean:.1f} %" in answer.out
    assert f"clean {100 * result.clean.accuracy:.1f} %" in answer.out
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_measured(paths: tuple[Path, Path], tmp_path: Path) -> None:
    run, store = paths
    for options, message in (
        (["--corruptions", "fog"], "corruption 'fog'"),
        (["--severities", 9], "severity 9"),
        (["--protocol", "classify"], "learns no classes"),
        (["--out", tmp_path / "curves.txt"], "cannot draw"),
    ):
        answer = kineme("eval", "robustness", run, "--store", store, *options)
        assert (answer.status, message in answer.err) == (1, True), answer
