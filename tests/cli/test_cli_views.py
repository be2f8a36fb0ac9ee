"""``kineme views``: the augmented views of a recipe or a run."""

from pathlib import Path

import pytest
from matplotlib.image import imread

from command_line import TINY, refuse, succeed
from fake import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store().save(path)
    return path


def test_views_of_a_recipe(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "views.png"
    assert str(out) in succeed("views", "mamp-compact", "--store", store, "--out", out, "--clips", 2)
    assert imread(out)[..., :3].std() > 0.02


def test_views_of_a_run(store: Path, tmp_path: Path) -> None:
    succeed("pretrain", "mamp-compact", "--store", store, "--out", tmp_path / "run", *TINY)
    succeed("views", tmp_path / "run", "--store", store, "--out", tmp_path / "views.svg", "--ids", "clip00003")
    assert "clip00003" in (tmp_path / "views.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["clips", "epoch", "seed"])
def test_numbers_out_of_bounds(store: Path, option: str) -> None:
    value = 0 if option == "clips" else -1
    assert f"--{option} {value}: expected" in refuse("views", "mamp-compact", "--store", store, f"--{option}", value)
