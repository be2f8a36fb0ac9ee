"""A page of clips as rows of stick figures, to see at a glance whether a store holds what it should."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.clips import Clip
from kineme.errors import UnknownNameError
from kineme.store import SkeletonStore
from kineme.viz.chart import new_figure
from kineme.viz.skeleton import draw_bodies, front_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
POSES = 6


def contact_sheet(
    store: SkeletonStore, file: str | Path, *, num_clips: int = 24, ids: Sequence[str] = (), title: str = ""
) -> Path:
    """Draw clips of a store, six moments of each from left to right.

    Args:
        store: the clips.
        file: where to write; the suffix says which format (png, pdf, svg).
        num_clips: clips to draw, taken from all classes in turn.
        ids: draw these clips instead.
        title: of the page.

    Returns:
        The file.

    Raises:
        UnknownNameError: no clip with such an id.
        ConfigError: matplotlib is not installed.
    """
    chosen = by_id(store, ids) if ids else in_turn(store.labels, num_clips)
    rows = -(-len(chosen) // COLUMNS)
    with new_figure(file, 3.6 * COLUMNS, 1.5 * rows + 0.6) as figure:
        cells = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axes in cells:
            axes.set_axis_off()
        for axes, index in zip(cells, chosen, strict=False):
            clip = store[int(index)]
            _draw_clip(axes, clip, store)
            label = "" if clip.label is None else f"{store.classes[clip.label]}\n"
            axes.set_title(f"{label}{clip.id}, {clip.present.shape[1]} frames", fontsize=7, loc="left")
        figure.suptitle(f"{title}  (left side red, right side blue)".strip(), fontsize=10)
    return Path(file)


def in_turn(labels: np.ndarray, num_clips: int) -> np.ndarray:
    """Positions of clips spread over the classes: the first of each, then the second of each, and so on.

    Args:
        labels: (N,) class of every clip.
        num_clips: how many at most.
    """
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        own = labels == label
        rank[own] = np.arange(own.sum())
    return np.lexsort((np.arange(len(labels)), labels, rank))[:num_clips]


def by_id(store: SkeletonStore, ids: Sequence[str]) -> np.ndarray:
    """Positions of named clips.

    Raises:
        UnknownNameError: no clip with such an id.
    """
    position = {id: i for i, id in enumerate(store.ids.tolist())}
    if missing := [id for id in ids if id not in position]:
        raise UnknownNameError("clip", missing[0], list(position)[:1000])
    return np.array([position[id] for id in ids])


def _draw_clip(axes: "Axes", clip: Clip, store: SkeletonStore) -> None:
    """Moments evenly over the frames with somebody in them, each beside the one before."""
    there = np.any(clip.xyz, axis=3) if clip.confidence is None else np.greater(clip.confidence, 0)
    frames = np.flatnonzero(there.any(axis=(0, 2)))
    if not len(frames):
        axes.text(0.5, 0.5, "nobody", ha="center", va="center", transform=axes.transAxes)
        return
    moments = frames[np.linspace(0, len(frames) - 1, POSES).round().astype(int)]
    found = np.asarray(there[:, moments])  # (M, POSES, V)
    points = _centred(front_view(np.asarray(clip.xyz[:, moments]), store.layout), found)
    low, high = np.percentile(points[found], [1, 99], axis=0)
    step = 1.1 * max(high[0] - low[0], 0.4 * (high[1] - low[1]))
    points[..., 0] += step * np.arange(POSES)[:, None]
    draw_bodies(axes, points.reshape(-1, *points.shape[2:]), store.layout, found=found.reshape(-1, found.shape[2]))
    margin = 0.05 * max(high[1] - low[1], step)
    axes.set_xlim(low[0] - margin, high[0] + (POSES - 1) * step + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal", anchor="NW")


def _centred(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(M, POSES, V, 2) with the people of each moment around x = 0: where they walk does not make them small."""
    weight = found / np.maximum(found.sum(axis=(0, 2), keepdims=True), 1)
    middle = (points[..., 0] * weight).sum(axis=(0, 2))
    return points - np.stack([middle, np.zeros_like(middle)], axis=1)[None, :, None, :]
