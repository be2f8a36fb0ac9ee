"""What a model is shown: clips as they are prepared, and the views that training makes of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from kineme.clips import ClipBatch
from kineme.store import SkeletonStore
from kineme.transforms import Augmentation, Preparation, TrainViews, at_epoch, eval_pipeline
from kineme.viz.chart import new_figure
from kineme.viz.skeleton import draw_bodies, front_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSES = 8
_NOTICED = 1.2  # times larger or smaller: from here on it is told, since every row fills its place


def drawn_views(
    store: SkeletonStore,
    index: np.ndarray,
    prepare: Preparation,
    augment: Sequence[Augmentation],
    *,
    share_crop: bool = False,
    epoch: int = 0,
    seed: int = 0,
) -> list[tuple[str, ClipBatch]]:
    """Clips as they are prepared, and views of them, as joints whatever the stream; each with what is on in it.

    Args:
        store: the clips.
        index: (B,) positions of those wanted.
        prepare: how clips reach the model.
        augment: one per view.
        share_crop: all views show the same frames.
        epoch: epochs that are done, for views with a schedule.
        seed: of all draws.
    """
    joints = prepare.with_changes(stream="joint")
    active = [at_epoch(each, epoch, seed, view) for view, each in enumerate(augment)]
    clips, generator = store.gather(index), torch.Generator().manual_seed(seed)
    views = TrainViews(joints, active, share_crop=share_crop)(clips, generator)
    names = [f"view {i}: {', '.join(each.active) or 'as it is'}" for i, each in enumerate(active, start=1)]
    return [("prepared", eval_pipeline(joints)(clips, generator)), *zip(names, views, strict=True)]


def views_figure(views: Sequence[tuple[str, ClipBatch]], file: str | Path, *, names: Sequence[str]) -> Path:
    """Draw views under each other, one column per clip, moments of each from left to right.

    Args:
        views: title and clips of each; sizes are told in comparison with the first.
        file: where to write; the suffix says which format (png, pdf, svg).
        names: (B,) of the clips, over the columns.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    with new_figure(file, 6.5 * len(names), 1.35 * len(views) + 0.3) as figure:
        cells = figure.subplots(len(views), len(names), squeeze=False)
        for column, name in enumerate(names):
            sizes = [_draw(axes, clips, column) for axes, (_, clips) in zip(cells[:, column], views, strict=True)]
            for axes, (title, _), size in zip(cells[:, column], views, sizes, strict=True):
                heading = f"{name}\n" if axes is cells[0, column] else ""
                axes.set_title(heading + title + _comparison(size / sizes[0]), fontsize=7, loc="left")
    return Path(file)


def _comparison(times: float) -> str:
    return f"; drawn {1 / times:.1f} times as large" if max(times, 1 / times) > _NOTICED else ""


def _draw(axes: "Axes", clips: ClipBatch, clip: int) -> float:
    """Moments of a clip, evenly over the window, made to fill the axes; returns the size they had."""
    moments = np.linspace(0, clips.xyz.shape[2] - 1, POSES).round().astype(int)
    points = front_view(clips.xyz[clip].numpy()[:, moments], clips.layout)
    found = np.broadcast_to(clips.present[clip].numpy()[:, moments, None], points.shape[:3])
    low, high = np.percentile(points[found], [1, 99], axis=0) if found.any() else np.array([[-1.0, -1.0], [1.0, 1.0]])
    size = max(float((high - low).max()), 1e-6)
    places = (points - (low + high) / 2) / size + np.stack([np.arange(POSES), np.zeros(POSES)], axis=1)[:, None]
    V = points.shape[2]
    draw_bodies(axes, places.reshape(-1, V, 2), clips.layout, found=found.reshape(-1, V))
    axes.set_xlim(-0.6, POSES - 0.4)
    axes.set_ylim(-0.6, 0.6)
    axes.set_aspect("equal", anchor="W")
    axes.set_axis_off()
    return size
