"""``kineme import-weights``: a file of the authors becomes a run that other commands take."""

from pathlib import Path

import pytest
import torch

from command_line import TINY, kineme, refuse, succeed
from fake import small_store
from kineme.errors import RunError
from kineme.train.run_dir import RunDir
from official_files import official_state, save_checkpoint, small_config, small_networks

CONFIG = small_config("mamp")
SETTINGS = ("--prepare.window", 16, "--prepare.bodies", 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store().save(path)
    return path


@pytest.fixture(scope="module")
def file(store: Path) -> Path:
    """A checkpoint of 25 joints."""
    return save_checkpoint(store.with_name("theirs.pth"), official_state(small_networks(CONFIG)))


def test_imported_run(file: Path, tmp_path: Path) -> None:
    text = succeed("import-weights", "mamp-ntu60-xsub", file, "--out", tmp_path / "run", *SETTINGS, "--method.tau", 0.5)
    assert "weights of mamp" in text
    assert "encoder.width: 16 in the file, 256 in the recipe" in text
    assert f"imported: {tmp_path / 'run'}\nmeasure it: kineme eval linear {tmp_path / 'run'} --store STORE" in text
    run = RunDir.open(tmp_path / "run")
    assert (run.config.recipe, run.config.method.model_dump()["tau"]) == ("mamp-ntu60-xsub", 0.5)
    expected = small_networks(CONFIG).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in run.load_method().state_dict().items())


def test_imported_run_is_measured(store: Path, tmp_path: Path) -> None:
    networks = small_networks(CONFIG, "kinect20")
    file = save_checkpoint(tmp_path / "theirs.pth", official_state(networks))
    words = [word for word in TINY if word not in ("--accelerator", "cpu")]
    succeed("import-weights", "mamp-nucla", file, "--store", store, "--out", tmp_path / "run", *words)
    assert RunDir.open(tmp_path / "run").layout.name == "kinect20"
    text = succeed("eval", "knn", tmp_path / "run", "--store", store)
    assert "untrained twin, last" in text
    assert "knn" in succeed("report", tmp_path / "run")


def test_runs_are_named_after_their_recipe(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    succeed("import-weights", "mamp-ntu60-xsub", file, *SETTINGS)
    assert RunDir.open("runs/mamp-ntu60-xsub").config.recipe == "mamp-ntu60-xsub"
    assert "holds a run already" in refuse("import-weights", "mamp-ntu60-xsub", file, *SETTINGS)


def test_refusals(file: Path, store: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "run")
    assert "no such file" in refuse("import-weights", "mamp-ntu60-xsub", tmp_path / "nowhere.pth", *out)
    assert "perhaps you meant mamp-ntu60-xsub" in refuse("import-weights", "mamp-ntu60-xsup", file, *out)
    assert "import-weights mamp-ntu60-xsub FILE" in refuse("import-weights", "hacm-ntu60-xsub", file, *out)
    assert "of 25 joints, the encoder reads 20" in refuse(
        "import-weights", "mamp-ntu60-xsub", file, "--store", store, *out
    )
    assert "perhaps you meant kinect25" in refuse("import-weights", "mamp-nucla", file, "--layout", "kinect26", *out)
    both = refuse("import-weights", "mamp-nucla", file, "--layout", "kinect25", "--store", store, *out)
    assert "give one of them" in both
    with pytest.raises(RunError, match="no run here"):
        RunDir.open(tmp_path / "run")


def test_recipe_comes_first(file: Path) -> None:
    assert kineme("import-weights").status == 2
    assert kineme("import-weights", "mamp-ntu60-xsub").status == 2
    message = refuse("import-weights", "--out", "here", "mamp-ntu60-xsub", file)
    assert f"kineme import-weights mamp-ntu60-xsub {file}" in message


def test_help_of_a_recipe_lists_its_settings() -> None:
    assert "RECIPE FILE" in succeed("import-weights", "--help")
    text = succeed("import-weights", "mamp-ntu60-xsub", "--help")
    assert "--layout" in text
    assert "--method.tau" in text
