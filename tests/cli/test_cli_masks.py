"""``kineme masks``: from a run or a recipe to a picture or an animation."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from matplotlib.image import imread
from PIL import Image

from command_line import TINY, kineme, refuse, succeed
from fake import small_store
from kineme.layout import Layout
from kineme.store_convert import convert_store
from kineme.viz import masking_file
from kineme.viz.masking import MaskedView


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store(num_clips=36).save(path)
    return path


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    """Trained once."""
    succeed("pretrain", "mamp-compact", "--store", store, "--out", store.with_name("run"), *TINY)
    return store.with_name("run")


def views_of(*words: object) -> list[MaskedView]:
    """What the command draws, without the time that drawing takes."""
    shown: list[MaskedView] = []

    def note(views: list[MaskedView], file: Path, **options: Any) -> Path:
        shown.extend(views)
        return file

    with patch.object(masking_file, "draw_masks", note):
        succeed("masks", *words)
    return shown


def test_picture_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "masks.png"
    assert str(out) in succeed("masks", run, "--store", store, "--out", out, "--clips", 1)
    picture = imread(out)
    assert picture.shape[1] == 1100
    assert picture[..., :3].std() > 0.05


def test_animation_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "masks.gif"
    succeed("masks", run, "--store", store, "--out", out, "--clips", 1, "--turn", 40)
    with Image.open(out) as animation:
        assert animation.format == "GIF"
        animation.seek(10)


def test_which_clips(run: Path, store: Path) -> None:
    opened = small_store(num_clips=36)
    assert [view.clip for view in views_of(run, "--store", store, "--clips", 4)] == [
        f"{opened.classes[i % 3]}, {opened.ids[i]}" for i in range(3)
    ] + [f"{opened.classes[0]}, {opened.ids[3]}"]
    named = views_of(run, "--store", store, "--ids", "clip00007", "clip00003")
    assert [view.clip.split(", ")[1] for view in named] == ["clip00007", "clip00003"]
    assert all(view.trained for view in named)


def test_seed_changes_the_mask_and_nothing_else(run: Path, store: Path) -> None:
    first, again, other = (views_of(run, "--store", store, "--clips", 1, "--seed", seed)[0] for seed in (0, 0, 1))
    assert (first.masking.visible == again.masking.visible).all()
    assert (first.masking.visible != other.masking.visible).any()
    assert (first.poses == other.poses).all()


@pytest.mark.parametrize("recipe", ["mae-compact", "stjd_mp-compact", "hacm-compact"])
def test_recipe_before_training(recipe: str, store: Path) -> None:
    (view,) = views_of(recipe, "--store", store, "--clips", 1)
    assert view.method == recipe.split("-")[0]
    assert not view.trained


def test_what_cannot_be_drawn(run: Path, store: Path, tmp_path: Path) -> None:
    assert "unknown clip 'clip7'" in refuse("masks", run, "--store", store, "--ids", "clip7")
    assert "an animation in .gif" in refuse("masks", run, "--store", store, "--out", tmp_path / "a.mp4")
    assert "no run here" in refuse("masks", tmp_path / "nowhere", "--store", store)
    assert "at least 1" in refuse("masks", run, "--store", store, "--clips", 0)
    assert "--seed -1" in refuse("masks", run, "--store", store, "--seed", -1)
    assert "kineme doctor" in refuse("masks", run, "--store", store, "--device", "nowhere")
    assert "--store" in kineme("masks", run).err


def test_store_of_another_layout(run: Path, tmp_path: Path) -> None:
    other = convert_store(small_store(), Layout.get("kinect25"), tmp_path / "other.store")
    assert "kineme data convert" in refuse("masks", run, "--store", other.path)
