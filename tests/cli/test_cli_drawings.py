"""What ``kineme masks``, ``regions`` and ``attention`` have in common: from a run or a recipe to a picture of clips."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from matplotlib.image import imread
from PIL import Image

from command_line import CONTRASTIVE_TINY, TINY, kineme, refuse, succeed
from fake import small_store
from kineme.layout import Layout
from kineme.store_convert import convert_store


@dataclass(frozen=True)
class Drawing:
    """A command, the recipe that a run for it is trained by, and what draws."""

    command: str
    recipe: str
    options: tuple[object, ...]
    draws: str


DRAWINGS = (
    Drawing("masks", "mamp-compact", TINY, "kineme.viz.masking_file.draw_masks"),
    Drawing("regions", "stjd_cl-ntu60-xview", CONTRASTIVE_TINY, "kineme.viz.regions_figure.draw_regions"),
    Drawing("attention", "mamp-compact", TINY, "kineme.viz.relevance_figure.draw_relevance"),
)


@pytest.fixture(scope="module", params=DRAWINGS, ids=lambda drawing: drawing.command)
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return request.param


@pytest.fixture(scope="module")
def run(drawing: Drawing, store: Path) -> Path:
    """Trained once."""
    out = store.with_name(f"run-{drawing.command}")
    succeed("pretrain", drawing.recipe, "--store", store, "--out", out, *drawing.options)
    return out


def views_of(drawing: Drawing, *words: object) -> list[Any]:
    """What a command draws, without the time that drawing takes."""
    shown: list[Any] = []

    def note(views: list[Any], file: Path, **options: Any) -> Path:
        shown.extend(views)
        return file

    with patch(drawing.draws, note):
        succeed(drawing.command, *words)
    return shown


def test_picture_of_a_run(drawing: Drawing, run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "picture.png"
    assert str(out) in succeed(drawing.command, run, "--store", store, "--out", out, "--clips", 1)
    picture = imread(out)
    assert picture.shape[1] == 1100
    assert picture[..., :3].std() > 0.05


def test_animation_of_a_run(drawing: Drawing, run: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "animation.gif"
    succeed(drawing.command, run, "--store", store, "--out", out, "--clips", 1, "--turn", 40)
    with Image.open(out) as animation:
        assert animation.format == "GIF"
        animation.seek(10)


def test_which_clips(drawing: Drawing, run: Path, store: Path) -> None:
    """All classes in turn, then the next clips of each."""
    opened = small_store(num_clips=36)
    expected = [f"{opened.classes[i % 3]}, {opened.ids[i]}" for i in range(4)]
    assert [view.clip for view in views_of(drawing, run, "--store", store, "--clips", 4)] == expected
    named = views_of(drawing, run, "--store", store, "--ids", "clip00007", "clip00003")
    assert [view.clip.split(", ")[1] for view in named] == ["clip00007", "clip00003"]
    assert all(view.trained for view in named)


def test_what_cannot_be_drawn(drawing: Drawing, run: Path, store: Path, tmp_path: Path) -> None:
    words = (drawing.command, run, "--store", store)
    assert "unknown clip 'clip7'" in refuse(*words, "--ids", "clip7")
    assert "an animation in .gif" in refuse(*words, "--out", tmp_path / "a.mp4")
    assert "--clips 0: expected" in refuse(*words, "--clips", 0)
    assert "kineme doctor" in refuse(*words, "--device", "nowhere")
    assert "no run here" in refuse(drawing.command, tmp_path / "nowhere", "--store", store)
    assert "--store" in kineme(drawing.command, run).err


def test_store_of_another_layout(drawing: Drawing, run: Path, tmp_path: Path) -> None:
    other = convert_store(small_store(), Layout.get("kinect25"), tmp_path / "other.store")
    assert "kineme data convert" in refuse(drawing.command, run, "--store", other.path)


@pytest.mark.parametrize(
    ("command", "recipe"),
    [
        *(("masks", recipe) for recipe in ("mae-compact", "stjd_mp-compact", "hacm-compact")),
        *(("regions", f"{method}-ntu60-xsub") for method in ("actclr", "actclr_paper", "stjd_cl")),
        ("attention", "hacm-compact"),
    ],
)
def test_recipe_before_training(command: str, recipe: str, store: Path) -> None:
    (view,) = views_of(of(command), recipe, "--store", store, "--clips", 1)
    assert view.method == recipe.split("-")[0]
    assert not view.trained


def of(command: str) -> Drawing:
    (drawing,) = (each for each in DRAWINGS if each.command == command)
    return drawing


def test_seed_changes_the_mask_and_nothing_else(store: Path) -> None:
    words = ("mamp-compact", "--store", store, "--clips", 1)
    first, again, other = (views_of(of("masks"), *words, "--seed", seed)[0] for seed in (0, 0, 1))
    assert (first.masking.visible == again.masking.visible).all()
    assert (first.masking.visible != other.masking.visible).any()
    assert (first.poses == other.poses).all()


def test_seed_chooses_the_clips_to_compare_with(tmp_path: Path) -> None:
    """More clips than a batch of 128 takes."""
    large = tmp_path / "large.store"
    small_store(num_clips=140).save(large)
    words = ("actclr-ntu60-xsub", "--store", large, "--clips", 1)
    first, again, other = (views_of(of("regions"), *words, "--seed", seed)[0].region for seed in (0, 0, 1))
    assert (first.weight == again.weight).all()
    assert (first.weight != other.weight).any()


@pytest.mark.parametrize("command", ["masks", "regions"])
def test_a_seed_is_a_number_from_0(command: str, store: Path) -> None:
    assert "--seed -1: expected" in refuse(command, of(command).recipe, "--store", store, "--seed", -1)


def test_all_cameras_of_a_clip(store: Path, tmp_path: Path) -> None:
    """Classes take turns, then four subjects and three cameras at once: clips 12 apart differ in the camera alone."""
    words = ("mamp-compact", "--store", store, "--ids", "clip00013", "--views")
    found = views_of(of("attention"), *words)
    assert [(view.clip.split(", ")[1], view.camera) for view in found] == [
        ("clip00001", 1),
        ("clip00013", 2),
        ("clip00025", 3),
    ]
    single = tmp_path / "single.store"
    small_store(cameras=1).save(single)
    assert "leave --views out" in refuse("attention", "mamp-compact", "--store", single, "--views")


def test_methods_without_such_a_thing(store: Path) -> None:
    assert "no regions to draw" in refuse("regions", "mamp-compact", "--store", store)
    assert "STGCN has no attention" in refuse("attention", "actclr-ntu60-xsub", "--store", store)
