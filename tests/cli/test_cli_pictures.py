"""``kineme confusion`` and ``kineme tsne``: from an evaluated run to a picture, or to the command that is missing."""

import shutil
from pathlib import Path

import pytest
from matplotlib.image import imread

from command_line import TINY, refuse, succeed
from fake import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained once, and not evaluated."""
    folder = tmp_path_factory.mktemp("pictures")
    small_store(num_clips=36).save(folder / "small.store")
    succeed("pretrain", "mae-compact", "--store", folder / "small.store", "--out", folder / "run", *TINY)
    return folder / "run"


@pytest.fixture(scope="module")
def evaluated(run: Path) -> Path:
    """A copy that was evaluated by its nearest neighbours."""
    copy = shutil.copytree(run, run.with_name("evaluated"))
    succeed("eval", "knn", copy, "--store", run.with_name("small.store"))
    return copy


def test_pictures_of_an_evaluated_run(evaluated: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert str(out) in succeed("confusion", evaluated, "--protocol", "knn", "--out", out)
    assert imread(out)[..., :3].std() > 0.05
    assert str(out) in succeed("tsne", evaluated, "--out", out, "--seed", 3)
    assert imread(out)[..., :3].std() > 0.02
    other = tmp_path / "b.svg"
    succeed("tsne", evaluated, "--out", other, "--side", "train", "--weights", "untrained", "--clips", 10)
    assert "training clips, before training" in other.read_text()


def test_results_of_fine_tuning_lie_a_folder_deeper(evaluated: Path, tmp_path: Path) -> None:
    deeper = evaluated / "finetune" / "results"
    deeper.mkdir(parents=True)
    shutil.copy(evaluated / "results" / "knn.json", deeper / "finetune.json")
    succeed("confusion", evaluated, "--protocol", "finetune", "--out", tmp_path / "a.svg")


def test_what_is_missing(run: Path, evaluated: Path, tmp_path: Path) -> None:
    assert f"kineme eval linear {run} --store STORE" in refuse("confusion", run)
    message = refuse("confusion", evaluated, "--protocol", "logreg")
    assert "there are results of" in message
    assert f"kineme eval logreg {evaluated} --store STORE" in message
    assert f"kineme eval knn {run} --store STORE" in refuse("tsne", run)
    assert "no run here" in refuse("tsne", tmp_path)
    assert "no run here" in refuse("confusion", tmp_path)
    assert "a picture ends in .png" in refuse("tsne", run, "--out", tmp_path / "a.gif")
    assert "--clips 2: expected" in refuse("tsne", run, "--clips", 2)
