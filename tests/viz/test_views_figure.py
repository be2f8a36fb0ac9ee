"""Figures of augmented views."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.image import imread

from fake import small_store
from kineme.layout import Layout
from kineme.recipes.contrastive_views import actclr_views, contrastive_preparation
from kineme.transforms import Augmentation, Preparation
from kineme.viz.views_figure import drawn_views, views_figure
from ragged import ragged_store


def test_views_are_those_of_the_epoch() -> None:
    store, prepare = small_store(), contrastive_preparation()
    names, shown = zip(*drawn_views(store, np.array([0, 1]), prepare, actclr_views(), epoch=250, seed=3), strict=True)
    assert [name.count(",") - 1 for name in names[1:]] == [3, 1, 0, 0], "besides reflect and shear"
    _, late = zip(*drawn_views(store, np.array([0, 1]), prepare, actclr_views(), epoch=320, seed=3), strict=True)
    assert all(torch.equal(view.xyz, late[0].xyz) for view in late)
    assert torch.equal(shown[0].xyz, late[0].xyz)
    assert not torch.equal(shown[1].xyz, shown[0].xyz)


def test_streams_are_drawn_as_joints() -> None:
    views = [
        drawn_views(small_store(), np.array([0]), Preparation(stream=stream), [Augmentation()])
        for stream in ("joint", "bone_motion")
    ]
    assert all(torch.equal(ours.xyz, same.xyz) for (_, ours), (_, same) in zip(*views, strict=True))


def test_figure_tells_what_is_drawn_larger(tmp_path: Path) -> None:
    store = small_store()
    (name, prepared), _ = drawn_views(store, np.array([0, 1]), Preparation(window=20), [Augmentation()])
    views = [(name, prepared), ("twice", prepared.with_xyz(prepared.xyz * 2))]
    with patch.object(Axes, "set_title", autospec=True) as set_title:
        assert views_figure(views, tmp_path / "views.png", names=["a", "b"]) == tmp_path / "views.png"
    titles = [call.args[1] for call in set_title.call_args_list]
    assert titles == [
        "a\nprepared",
        "twice; drawn 0.5 times as large",
        "b\nprepared",
        "twice; drawn 0.5 times as large",
    ]
    assert imread(tmp_path / "views.png")[..., :3].std() > 0.02


@pytest.mark.parametrize("layout", ["coco17", "kinect25", "mediapipe33"])
def test_any_layout_and_absent_bodies(tmp_path: Path, layout: str) -> None:
    store = ragged_store(0, [(2, 12), (1, 3)], layout, channels=3 if Layout.get(layout).unit == "m" else 2)
    views = drawn_views(store, np.array([0, 1]), Preparation(window=9), [Augmentation(rotation=(0, 0, 0), stretch=1.0)])
    assert views_figure(views, tmp_path / "views.svg", names=["a", "b"]).stat().st_size > 1000
