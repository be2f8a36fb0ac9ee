"""Regions as they are drawn, against the step of the method that finds them, and against what is drawn."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image, ImageSequence

from fake import small_store
from kineme.clips import ClipBatch
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.methods import Method, methods
from kineme.methods.base import Progress
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.masking_rows import Page
from kineme.viz.regions import RegionView, find_regions, region_views
from kineme.viz.regions_figure import draw_map, draw_regions, region_animation, region_figure, rows
from small import encoder_for, small_pair

ARTEFACT = {"actclr": "plain_map", "actclr_paper": "actionlet", "stjd_cl": "prime"}
each = pytest.mark.parametrize("name", ARTEFACT)


def configured(name: str, **prepare: object) -> RunConfig:
    config = small_pair(name, "stgcn").with_changes(prepare={"window": 16, "bodies": 1} | prepare)
    if "stream" not in type(config.method).model_fields:
        return config
    return config.with_changes(method=config.method.with_changes(stream=config.prepare.stream))


def prepared(config: RunConfig, store: SkeletonStore, index: list[int]) -> ClipBatch:
    return eval_pipeline(config.prepare)(store.gather(index), torch.Generator())


def step(method: Method, batch: ClipBatch) -> dict[str, Any]:
    """Artefacts of a step in which all views are the same."""
    views = [batch] * method.num_views
    draws = method.sample(views, torch.Generator().manual_seed(0))
    with torch.no_grad():
        return dict(method.step(views, draws, Progress(step=0, epoch=0.0, epochs=1)).artefacts)


def warmed(config: RunConfig, store: SkeletonStore) -> Method:
    """A method that has seen clips: batch norms and averages are in place."""
    method = build_method(config, store.layout, store.channels).train()
    for first in range(0, 20, 2):
        step(method, prepared(config, store, [first, first + 1, first + 2, first + 3]))
    return method


def views_of(name: str, index: tuple[int, ...] = (0, 5), **prepare: object) -> list[RegionView]:
    store, config = small_store(), configured(name, **prepare)
    return region_views(warmed(config, store), config, store, list(index))


@each
def test_regions_are_those_of_a_step(name: str) -> None:
    """As many clips as in a batch, so that no others are drawn."""
    store, config = small_store(), configured(name)
    method, index = warmed(config, store), [0, 5, 7, 2]
    views = region_views(method, config, store, index)
    assert not method.training
    expected = step(method, prepared(config, store, index))[ARTEFACT[name]]
    found = np.stack([view.region.weight for view in views])
    np.testing.assert_allclose(found, expected.flatten(0, 1), atol=1e-6)
    assert found.std() > 0.05
    assert found.max() == pytest.approx(1)


@each
def test_weights_of_the_network_stay(name: str) -> None:
    """Also where the network has not seen a clip yet, and there is no average to compare with."""
    store, config = small_store(), configured(name)
    method = build_method(config, store.layout, store.channels)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    views = region_views(method, config, store, [0, 5], trained=False)
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())
    assert all(np.isfinite(view.region.weight).all() for view in views)
    if name == "actclr_paper":
        assert all(view.region.weight.std() > 0 for view in views)


def test_actionlets_are_told_by_other_clips() -> None:
    """As many as training has in a batch, all different, by a seed; the ones asked for come first."""
    store, config = small_store(), configured("actclr")
    method = warmed(config, store)

    def batch(index: list[int], size: int = 4, seed: int = 0) -> list[int]:
        large = config.with_changes(train=config.train.with_changes(batch_size=size))
        with patch("kineme.viz.regions.find_regions", wraps=find_regions) as find:
            views = region_views(method, large, store, index, seed=seed)
        seen = find.call_args.args[1].index.tolist()
        assert views[0].region.meaning.endswith(f"the mean of {len(seen)} clips")
        assert seen[: len(index)] == index
        assert len(set(seen)) == len(seen)
        return seen

    assert len(batch([7, 3])) == 4
    assert batch([7, 3], seed=1) == batch([7, 3], seed=1) != batch([7, 3], seed=2)
    assert batch([5, 4, 3, 2, 1, 0]) == [5, 4, 3, 2, 1, 0]
    assert len(batch([7, 3], size=100)) == len(store)


def test_prime_joints_need_no_other_clips() -> None:
    store, config = small_store(), configured("stjd_cl")
    method = warmed(config, store)
    alone, together = (region_views(method, config, store, index)[0].region for index in ([0], [0, 1, 2, 3]))
    assert (alone.weight == together.weight).all()


def test_actionlets_of_the_code_are_body_parts() -> None:
    (view,) = views_of("actclr", (3,))
    for joints in view.layout.part_indices.values():
        part = view.region.weight[:, list(joints)]
        np.testing.assert_allclose(part, np.broadcast_to(part[:, :1], part.shape), atol=1e-6)


def test_prime_joints_are_where_and_when_something_moves() -> None:
    """A person who stands still for half of the clip, and then moves the right arm."""
    layout, rng = Layout.get("kinect20"), np.random.default_rng(0)
    arm = np.array([joint.startswith("right_") and joint[6:] in ("elbow", "wrist", "hand") for joint in layout.joints])
    xyz = np.broadcast_to(rng.normal(size=(20, 3)) * 0.5, (64, 20, 3)).copy()
    xyz[32:, arm] += np.sin(np.arange(32))[:, None, None]
    store = SkeletonStore.from_arrays([xyz], layout)
    config = configured("stjd_cl", window=64, test_keep=1.0, centre=False, yaw=False)
    config = config.with_changes(method=config.method.with_changes(density_space="coordinate"))
    (view,) = region_views(build_method(config, layout, 3), config, store, [0])
    weight = view.region.weight
    assert len(weight) == 16
    assert not weight[:8].any()
    assert weight[8:].any(axis=1).all()
    assert weight[8:, arm].mean() > 1.5 * weight[8:, ~arm].mean()


def test_one_view_per_body_that_is_there() -> None:
    alone, together = np.random.default_rng(0).normal(size=(1, 9, 20, 3)), np.ones((2, 9, 20, 3))
    store = SkeletonStore.from_arrays([alone, together], "kinect20")
    config = configured("actclr", bodies=2)
    views = region_views(build_method(config, store.layout, 3), config, store, [0, 1])
    assert [view.clip.split(", ")[-1] for view in views] == [store.ids[0], "body 1", "body 2"]


@pytest.mark.parametrize("name", ["actclr_paper", "stjd_cl"])
def test_other_streams_are_drawn_on_poses(name: str) -> None:
    joints, motions = (views_of(name, stream=stream)[0] for stream in ("joint", "motion"))
    np.testing.assert_array_equal(motions.poses, joints.poses)
    assert (motions.region.weight != joints.region.weight).any()


def test_every_method_has_regions_or_is_refused() -> None:
    store = small_store()
    for name in set(methods.names()) - set(ARTEFACT):
        config = small_pair(name, encoder_for(name))
        with pytest.raises(ConfigError, match="no regions to draw; actclr"):
            region_views(build_method(config, store.layout, store.channels), config, store, [0])


def test_clips_of_another_layout_are_refused() -> None:
    config, other = configured("actclr"), SkeletonStore.from_arrays([np.ones((9, 25, 3))], "kinect25")
    with pytest.raises(LayoutMismatchError, match="20 joints"):
        region_views(build_method(config, Layout.get("kinect20"), 3), config, other, [0])


def test_poses_have_the_colours_above_them() -> None:
    """Slots of 3.6 frames: a pose stands at the middle of its frame, below one cell of the map."""
    (view,) = views_of("actclr", (3,), window=18)
    weight, frames, axes = view.region.weight, np.arange(18), Figure().add_subplot()
    assert len(weight) == 5
    slot = np.digitize(frames + 0.5, np.linspace(0, 18, 6)) - 1
    np.testing.assert_array_equal(view.weight_at(frames), weight[slot])
    draw_map(axes, view)
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), weight.T)
    assert tuple(image.get_extent()) == (0, 18, 19.5, -0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(view.layout.joints)


def test_joints_and_bones_have_their_weights() -> None:
    (view,) = views_of("actclr_paper", (3,))
    axes, frames, page = Figure().add_subplot(), np.array([2, 9]), Page(view)
    rows(page)[0].draw(axes, frames, np.zeros((2, 2)))
    bones, joints = axes.collections
    expected = view.weight_at(frames)
    np.testing.assert_allclose(np.asarray(joints.get_array()), expected.ravel())
    np.testing.assert_allclose(np.asarray(joints.get_offsets()), page.points[frames].reshape(-1, 2))
    ends = np.array(view.layout.bones)
    np.testing.assert_allclose(np.asarray(bones.get_array()), expected[:, ends].mean(axis=2).ravel())
    assert bones.get_clim() == joints.get_clim() == (0, 1)


def with_weight(view: RegionView, weight: float) -> RegionView:
    """The view with all joints as much in the region."""
    return replace(view, region=replace(view.region, weight=np.full_like(view.region.weight, weight)))


def orange(picture: np.ndarray) -> np.ndarray:
    """Where the colour of the region is."""
    return np.abs(picture[..., :3] - np.array([217, 72, 15]) / 255).max(axis=2) < 0.05


def test_pictures(tmp_path: Path) -> None:
    view = views_of("actclr")[0]
    full, none = (
        imread(region_figure([with_weight(view, weight)], tmp_path / "one.png", dpi=40)) for weight in (1.0, 0.0)
    )
    two = imread(region_figure([view, view], tmp_path / "two.png", dpi=40))
    assert len(two) == pytest.approx(2 * len(full), abs=2)
    assert orange(full).mean() > 0.05
    assert not orange(none).any()


def test_animation_has_every_frame(tmp_path: Path) -> None:
    view = with_weight(views_of("actclr")[0], 1.0)
    there = np.arange(16) < 8
    file = region_animation([replace(view, present=there)], tmp_path / "regions.gif", turn=30.0, dpi=40)
    with Image.open(file) as animation:
        frames = [np.asarray(frame.convert("RGB"), float) / 255 for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == 8 + 1  # those without a body are one, shown for longer
    assert all(orange(frame).any() for frame in frames[:8])
    assert not orange(frames[8]).any()
    assert all((a != b).any() for a, b in pairwise(frames))


def test_formats(tmp_path: Path) -> None:
    views = views_of("stjd_cl")
    untrained = [replace(view, trained=False) for view in views]
    assert "before training" not in draw_regions(views, tmp_path / "a.svg").read_text()
    assert "before training" in draw_regions(untrained, tmp_path / "b.svg").read_text()
    assert draw_regions(views, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ConfigError, match=r"ends in \.png, \.pdf, \.svg, an animation in \.gif"):
        draw_regions(views, tmp_path / "a.mp4")
    with pytest.raises(ConfigError, match="nobody"):
        draw_regions([], tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_without_matplotlib_the_extra_is_named(tmp_path: Path, suffix: str) -> None:
    views = views_of("actclr")
    with patch.dict("sys.modules", matplotlib=None), pytest.raises(ConfigError, match=r"pip install 'kineme\[viz\]'"):
        draw_regions(views, tmp_path / f"a.{suffix}")
