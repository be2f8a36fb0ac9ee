"""``kineme attention``: from a run or a recipe to a picture or an animation."""

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
from kineme.viz import relevance_figure
from kineme.viz.relevance import RelevanceView


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


def views_of(*words: object) -> list[RelevanceView]:
    """What the command draws, without the time that drawing takes."""
    shown: list[RelevanceView] = []

    def note(views: list[RelevanceView], file: Path, **options: Any) -> Path:
        shown.extend(views)
        return file

    with patch.object(relevance_figure, "draw_relevance", note):
        succeed("attention", *words)
    return shown


def test_picture_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "attention.png"
    assert str(out) in succeed("attention", run, "--store", store, "--out", out, "--clips", 1)
    picture = imread(out)
    assert picture.shape[1] == 1100
    assert picture[..., :3].std() > 0.05


def test_animation_of_a_run(run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "attention.gif"
    succeed("attention", run, "--store", store, "--out", out, "--clips", 1, "--turn", 40)
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


def test_all_cameras_of_a_clip(run: Path, store: Path) -> None:
    """Classes take turns, then four subjects and three cameras at once: clips 12 apart differ in the camera alone."""
    found = views_of(run, "--store", store, "--ids", "clip00013", "--views")
    assert [(view.clip.split(", ")[1], view.camera) for view in found] == [
        ("clip00001", 1),
        ("clip00013", 2),
        ("clip00025", 3),
    ]


def test_recipe_before_training(store: Path) -> None:
    (view,) = views_of("hacm-compact", "--store", store, "--clips", 1)
    assert view.method == "hacm"
    assert not view.trained


def test_what_cannot_be_drawn(run: Path, store: Path, tmp_path: Path) -> None:
    assert "STGCN has no attention" in refuse("attention", "actclr-ntu60-xsub", "--store", store)
    assert "unknown clip 'clip7'" in refuse("attention", run, "--store", store, "--ids", "clip7")
    assert "an animation in .gif" in refuse("attention", run, "--store", store, "--out", tmp_path / "a.mp4")
    assert "no run here" in refuse("attention", tmp_path / "nowhere", "--store", store)
    assert "--clips 0: expected" in refuse("attention", run, "--store", store, "--clips", 0)
    assert "kineme doctor" in refuse("attention", run, "--store", store, "--device", "nowhere")
    assert "--store" in kineme("attention", run).err
    single = tmp_path / "single.store"
    small_store(cameras=1).save(single)
    assert "leave --views out" in refuse("attention", run, "--store", single, "--views")


def test_store_of_another_layout(run: Path, tmp_path: Path) -> None:
    other = convert_store(small_store(), Layout.get("kinect25"), tmp_path / "other.store")
    assert "kineme data convert" in refuse("attention", run, "--store", other.path)
