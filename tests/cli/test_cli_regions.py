"""``kineme regions``: from a run or a recipe to a picture or an animation."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from matplotlib.image import imread
from PIL import Image

from command_line import kineme, refuse, succeed
from fake import small_store
from kineme.layout import Layout
from kineme.store_convert import convert_store
from kineme.viz import regions_figure
from kineme.viz.regions import RegionView

TINY = (
    *("--split", "nucla-xview", "--accelerator", "cpu", "--train.epochs", 1, "--train.batch-size", 8),
    *("--encoder.hidden-channels", 4, "--method.features", 8, "--method.queue-size", 32, "--prepare.window", 16),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store(num_clips=36).save(path)
    return path


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    """Trained once."""
    succeed("pretrain", "stjd_cl-ntu60-xview", "--store", store, "--out", store.with_name("run"), *TINY)
    return store.with_name("run")


def views_of(*words: object) -> list[RegionView]:
    """What the command draws, without the time that drawing takes."""
    shown: list[RegionView] = []

    def note(views: list[RegionView], file: Path, **options: Any) -> Path:
        shown.extend(views)
        return file

    with patch.object(regions_figure, "draw_regions", note):
        succeed("regions", *words)
    return shown


def test_picture_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "regions.png"
    assert str(out) in succeed("regions", run, "--store", store, "--out", out, "--clips", 1)
    picture = imread(out)
    assert picture.shape[1] == 1100
    assert picture[..., :3].std() > 0.05


def test_animation_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "regions.gif"
    succeed("regions", run, "--store", store, "--out", out, "--clips", 1, "--turn", 40)
    with Image.open(out) as animation:
        assert animation.format == "GIF"
        animation.seek(10)


def test_which_clips(run: Path, store: Path) -> None:
    opened = small_store(num_clips=36)
    assert [view.clip for view in views_of(run, "--store", store)] == [
        f"{opened.classes[i]}, {opened.ids[i]}" for i in range(2)
    ]
    named = views_of(run, "--store", store, "--ids", "clip00007", "clip00003")
    assert [view.clip.split(", ")[1] for view in named] == ["clip00007", "clip00003"]
    assert all(view.trained for view in named)


@pytest.mark.parametrize("recipe", ["actclr-ntu60-xsub", "actclr_paper-ntu60-xsub", "stjd_cl-ntu60-xsub"])
def test_recipe_before_training(recipe: str, store: Path) -> None:
    (view,) = views_of(recipe, "--store", store, "--clips", 1)
    assert view.method == recipe.split("-")[0]
    assert not view.trained


def test_seed_chooses_the_clips_to_compare_with(store: Path, tmp_path: Path) -> None:
    """More clips than a batch of 128 takes."""
    large = tmp_path / "large.store"
    small_store(num_clips=140).save(large)
    words = ("actclr-ntu60-xsub", "--store", large, "--clips", 1)
    first, again, other = (views_of(*words, "--seed", seed)[0].region for seed in (0, 0, 1))
    assert (first.weight == again.weight).all()
    assert (first.weight != other.weight).any()


def test_what_cannot_be_drawn(run: Path, store: Path, tmp_path: Path) -> None:
    assert "no regions to draw" in refuse("regions", "mamp-compact", "--store", store)
    assert "unknown clip 'clip7'" in refuse("regions", run, "--store", store, "--ids", "clip7")
    assert "an animation in .gif" in refuse("regions", run, "--store", store, "--out", tmp_path / "a.mp4")
    assert "no run here" in refuse("regions", tmp_path / "nowhere", "--store", store)
    assert "--clips 0: expected" in refuse("regions", run, "--store", store, "--clips", 0)
    assert "--seed -1: expected" in refuse("regions", run, "--store", store, "--seed", -1)
    assert "kineme doctor" in refuse("regions", run, "--store", store, "--device", "nowhere")
    assert "--store" in kineme("regions", run).err


def test_store_of_another_layout(run: Path, tmp_path: Path) -> None:
    other = convert_store(small_store(), Layout.get("kinect25"), tmp_path / "other.store")
    assert "kineme data convert" in refuse("regions", run, "--store", other.path)
