"""Attention as it is drawn, against the encoder that gives it, and against what is on paper."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image, ImageSequence

from fake import small_store
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.masking_rows import Page
from kineme.viz.relevance import RelevanceView, all_cameras, relevance_views
from kineme.viz.relevance_figure import (
    OTHER,
    RELEVANT,
    draw_relevance,
    relevance_animation,
    relevance_figure,
    relevance_row,
)
from small import small_pair


def configured(method: str = "mamp", encoder: str = "skeleton_transformer", **prepare: object) -> RunConfig:
    return small_pair(method, encoder).with_changes(prepare={"window": 16, "bodies": 1} | prepare)


def views_of(config: RunConfig, index: tuple[int, ...] = (0, 5)) -> list[RelevanceView]:
    store = small_store()
    return relevance_views(build_method(config, store.layout, store.channels), config, store, index)


@pytest.mark.parametrize(("method", "encoder"), [("mamp", "skeleton_transformer"), ("hacm", "ball_transformer")])
def test_relevance_is_the_encoders(method: str, encoder: str) -> None:
    store, config = small_store(), configured(method, encoder)
    built = build_method(config, store.layout, store.channels)
    views = relevance_views(built, config, store, [0, 5])
    assert not built.training
    batch = eval_pipeline(config.prepare)(store.gather([0, 5]), torch.Generator())
    with torch.no_grad():
        expected = built.encoder.relevance(batch)[:, 0]
    np.testing.assert_array_equal(np.stack([view.relevance for view in views]), expected)
    assert [view.camera for view in views] == store.clips["camera"][[0, 5]].tolist()


def test_one_view_per_body_that_is_there() -> None:
    alone, together = np.random.default_rng(0).normal(size=(1, 9, 20, 3)), np.ones((2, 9, 20, 3))
    store = SkeletonStore.from_arrays([alone, together], "kinect20", camera=[4, 7])
    config = configured(bodies=2)
    views = relevance_views(build_method(config, store.layout, 3), config, store, [0, 1])
    assert [view.clip.split(", ")[-1] for view in views] == [store.ids[0], "body 1", "body 2"]
    assert [view.camera for view in views] == [4, 7, 7]


def test_other_streams_are_drawn_on_poses() -> None:
    joints, motions = (views_of(configured(stream=stream))[0] for stream in ("joint", "motion"))
    np.testing.assert_array_equal(motions.poses, joints.poses)
    assert (motions.relevance != joints.relevance).any()


def test_what_has_no_relevance() -> None:
    with pytest.raises(ConfigError, match="STGCN has no attention"):
        views_of(configured("skeletonclr", "stgcn"))
    config, other = configured(), SkeletonStore.from_arrays([np.ones((9, 25, 3))], "kinect25")
    with pytest.raises(LayoutMismatchError, match="20 joints"):
        relevance_views(build_method(config, Layout.get("kinect20"), 3), config, other, [0])


def recorded(cameras: list[int], **fields: list[int]) -> SkeletonStore:
    """Clips of one class, performer, setup and replication, unless fields say otherwise."""
    store = SkeletonStore.from_arrays([np.ones((9, 20, 3))] * len(cameras), "kinect20", camera=cameras)
    for field in ("label", "subject", "setup", "replication"):
        store.clips[field] = fields.get(field, 0)
    return store


def test_other_cameras_of_a_clip() -> None:
    store = recorded([3, 1, 2, 1], label=[0, 0, 0, 1])
    assert all_cameras(store, [0]).tolist() == [1, 2, 0]
    assert all_cameras(store, [3, 2]).tolist() == [3, 1, 2, 0], "by camera; one clip has a single camera"
    assert all_cameras(store, np.array([0, 1, 2])).tolist() == [1, 2, 0], "none twice"
    assert all_cameras(recorded([1, 2, 1, 2]), [2]).tolist() == [2, 1], "one clip of each other camera"


@pytest.mark.parametrize("field", ["label", "subject", "setup", "replication"])
def test_other_recordings_are_no_other_cameras(field: str) -> None:
    with pytest.raises(ConfigError, match="leave --views out"):
        all_cameras(recorded([1, 2], **{field: [0, 1]}), [0])


def circles(view: RelevanceView, frames: np.ndarray, dpi: float = 72) -> dict[str, np.ndarray]:
    """Places, radii in pixels and colours of the circles, from large to small."""
    axes, page = Figure(dpi=dpi).add_subplot(), Page(view)
    relevance_row(page).draw(axes, frames, np.zeros((len(frames), 2)))
    _, drawn = axes.collections
    assert isinstance(drawn, PathCollection)
    diameters = np.sqrt(drawn.get_sizes()) * dpi / 72
    return {"at": np.asarray(drawn.get_offsets()), "radius": diameters / 2, "colour": np.asarray(drawn.get_facecolor())}


@pytest.mark.parametrize("dpi", [72, 110])
def test_circles_are_on_the_joints_by_their_relevance(dpi: int) -> None:
    (view, _), frames = views_of(configured()), np.array([1, 9])
    assert len(view.relevance) == 4
    drawn = circles(view, frames, dpi)
    relevance = view.relevance[[0, 2]].ravel()
    order = np.argsort(-relevance, kind="stable")
    np.testing.assert_allclose(drawn["radius"], 2 + 12 * relevance[order], rtol=1e-6)
    assert drawn["radius"].max() == pytest.approx(14)
    np.testing.assert_allclose(drawn["at"], Page(view).points[frames].reshape(-1, 2)[order])


def test_half_of_the_largest_is_green() -> None:
    view, _ = views_of(configured())
    relevance = np.linspace(0, 1, 20)
    relevance[7] = 0.5
    drawn = circles(replace(view, relevance=np.tile(relevance, (4, 1))), np.array([3]))
    green = (drawn["colour"] == to_rgba(RELEVANT)).all(axis=1)
    assert ((drawn["colour"] == to_rgba(OTHER)).all(axis=1) == ~green).all()
    assert green.sum() == (relevance >= 0.5).sum() == 11
    assert drawn["radius"][green].min() == pytest.approx(8)


def share_of(colour: str, picture: np.ndarray) -> float:
    return float((np.abs(picture[..., :3] - to_rgba(colour)[:3]).max(axis=2) < 0.02).mean())


def with_relevance(view: RelevanceView, relevance: float) -> RelevanceView:
    """The view with all joints as relevant."""
    return replace(view, relevance=np.full_like(view.relevance, relevance))


def test_pictures(tmp_path: Path) -> None:
    view, _ = views_of(configured())
    full, none = (imread(relevance_figure([with_relevance(view, share)], tmp_path / "one.png")) for share in (1, 0))
    two = imread(relevance_figure([view, view], tmp_path / "two.png"))
    assert len(two) == pytest.approx(2 * len(full), abs=2)
    assert share_of(RELEVANT, full) > 0.03
    assert share_of(RELEVANT, none) == 0 < share_of(OTHER, none)


def test_animation_has_every_frame(tmp_path: Path) -> None:
    view = with_relevance(views_of(configured())[0], 1.0)
    there = np.arange(16) < 8
    file = relevance_animation([replace(view, present=there)], tmp_path / "attention.gif", turn=30.0, dpi=40)
    with Image.open(file) as animation:
        frames = [np.asarray(frame.convert("RGB"), float) / 255 for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == 8 + 1  # those without a body are one, shown for longer
    assert all(share_of(RELEVANT, frame) > 0.01 for frame in frames[:8])
    assert share_of(RELEVANT, frames[8]) == 0
    assert all((a != b).any() for a, b in pairwise(frames))


def test_formats(tmp_path: Path) -> None:
    views = [replace(view, camera=camera) for view, camera in zip(views_of(configured()), (6, -1), strict=True)]
    text = draw_relevance(views, tmp_path / "a.svg").read_text()
    assert "camera 6" in text
    assert "camera -1" not in text
    assert "before training" not in text
    untrained = [replace(view, trained=False) for view in views]
    assert "camera 6; by a network before training" in draw_relevance(untrained, tmp_path / "b.svg").read_text()
    assert draw_relevance(views, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ConfigError, match=r"ends in \.png, \.pdf, \.svg, an animation in \.gif"):
        draw_relevance(views, tmp_path / "a.mp4")
    with pytest.raises(ConfigError, match="nobody"):
        draw_relevance([], tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_without_matplotlib_the_extra_is_named(tmp_path: Path, suffix: str) -> None:
    views = views_of(configured())
    with patch.dict("sys.modules", matplotlib=None), pytest.raises(ConfigError, match=r"pip install 'kineme\[viz\]'"):
        draw_relevance(views, tmp_path / f"a.{suffix}")
