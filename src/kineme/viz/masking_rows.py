"""Rows of stick figures that show what a masked method did: scores, visible tokens, truth and prediction.

A row draws any frames of a clip side by side: several for a picture, one for an animation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.viz.body_views import BodyView
from kineme.viz.masking import MaskedView, TokenMap
from kineme.viz.skeleton import draw_bodies, front_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VISIBLE, HIDDEN, BONE, EDGE = "#0b6e4f", "#e4e8ec", "#9aa5b1", "#6b7783"
"""Colours of visible and hidden tokens, of bones, and of the rims of joints."""
TRUE, PREDICTED = "#555555", "#d9480f"
"""Colours of arrows."""
SCORES = "OrRd"
_REACH = 0.3  # of the body's height: how long the arrows of fast joints become
_LONGEST = 30.0  # times their own length, lest noise looks like motion


View = TypeVar("View", bound=BodyView)


class Page(Generic[View]):
    """Where the joints of a view fall on paper.

    Args:
        view: what is drawn.
        turn: degrees by which the viewer goes round the body.
        margin: room around the points, as a share of the body's height.

    Attributes:
        points: (T, V, 2), each pose around x = 0.
        low, high: (2,) corners that hold nearly all points.
    """

    def __init__(self, view: View, turn: float = 0.0, margin: float = 0.0) -> None:
        self.view, self.turn = view, turn
        flat = self.project(view.poses)
        self.middle = flat[..., :1].mean(axis=1, keepdims=True)
        self.points = flat - self.middle * [1, 0]
        seen = self.points[view.present]
        low, high = np.percentile(seen.reshape(-1, 2), [0.5, 99.5], axis=0)
        room = margin * (high[1] - low[1])
        self.low, self.high = low - room, high + room

    def project(self, x: np.ndarray) -> np.ndarray:
        """Coordinates or differences of them: (..., C) to (..., 2)."""
        return front_view(turned(x, self.view.layout, self.turn), self.view.layout)


class Paper(Page[MaskedView]):
    """Where the joints of a masked view and their motion fall on paper.

    Args:
        view: what is drawn.
        turn: degrees by which the viewer goes round the body.

    Attributes:
        magnify: by which arrows are longer than the motion they show.
    """

    def __init__(self, view: MaskedView, turn: float = 0.0) -> None:
        super().__init__(view, turn)
        length = np.linalg.norm(self.arrows(view.masking.target), axis=-1)
        fast = np.nanpercentile(length[_slots(view)], 99)
        reach = _REACH * (self.high[1] - self.low[1])
        self.magnify = float(np.clip(reach / max(fast, 1e-9), 1, _LONGEST))

    def predicted(self) -> np.ndarray:
        """(T, V, 2) poses with predictions in place of hidden joints."""
        prediction = self.project(self.view.masking.prediction) - self.middle * [1, 0]
        return np.where(np.isnan(prediction), self.points, prediction)

    def arrows(self, motion: np.ndarray) -> np.ndarray:
        """Mean motion of each token: (T, V, C) to (S, V, 2)."""
        return self.project(motion.reshape(-1, self.view.segment, *motion.shape[1:]).mean(axis=1))


def turned(x: np.ndarray, layout: Layout, degrees: float) -> np.ndarray:
    """Coordinates (..., C) as seen by somebody who went round them.

    Raises:
        ConfigError: coordinates without depth.
    """
    if not degrees:
        return x
    if x.shape[-1] != 3:
        raise ConfigError(
            f"clips of {layout.name} have {x.shape[-1]} coordinates per joint and can be seen from one "
            f"side only; leave --turn out"
        )
    up = "xyz".index(layout.up[1])
    right, depth = (axis for axis in range(3) if axis != up)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    result = x.copy()
    result[..., right] = cos * x[..., right] + sin * x[..., depth]
    result[..., depth] = cos * x[..., depth] - sin * x[..., right]
    return result


@dataclass(frozen=True)
class Row:
    """One way to look at a clip.

    Args:
        title: what is to be seen.
        draw: puts the frames (P,) on axes, each moved by one of the (P, 2) offsets.
    """

    title: str
    draw: Callable[["Axes", np.ndarray, np.ndarray], None]


def rows(paper: Paper) -> list[Row]:
    """All rows that a view has something to show in, from what decides to what comes out."""
    view = paper.view
    shown = [
        *(Row(f"{each.name}; darker is more", partial(_draw_scores, paper, each)) for each in view.masking.maps),
        Row(_share(view), partial(_draw_visible, paper)),
    ]
    if view.predicts_poses:
        shown.append(original_row(paper))
        title = "reconstruction, over the original (grey); green joints are given"
        prediction = Row(title, partial(_draw_reconstruction, paper))
    else:
        what = _motion_name(view, paper.magnify)
        draw = partial(_draw_arrows, paper, view.masking.target, TRUE)
        shown.append(Row(f"original: {what}", draw))
        draw = partial(_draw_arrows, paper, view.masking.prediction, PREDICTED)
        prediction = Row("prediction (orange), over the original (grey)", draw)
    return [*shown, prediction] if view.trained else shown


def original_row(page: Page) -> Row:
    """The body itself."""
    return Row("original; left side red, right side blue", partial(_draw_original, page))


def draw_row(
    axes: "Axes", page: Page, row: Row, frames: np.ndarray, places: np.ndarray, limits: tuple[float, float]
) -> None:
    """Frames of a row side by side.

    Args:
        axes: where.
        page: of the view.
        row: one of its rows.
        frames: (P,) which.
        places: (P,) where the middle of each body goes, in the unit of the clips.
        limits: left and right end of the axes.
    """
    row.draw(axes, frames, np.stack([places, np.zeros(len(places))], axis=1))
    for drawn in axes.collections:
        drawn.set_clip_on(False)
    axes.set_xlim(limits)
    axes.set_ylim(page.low[1], page.high[1])
    axes.set_aspect("equal")
    axes.set_axis_off()


def scoreboard(view: MaskedView) -> str:
    """How good the prediction is, in words; nothing of untrained networks."""
    if not view.trained:
        return ""
    masking = view.masking
    error = f"error of hidden tokens {masking.error:.2g}, of zeros {masking.error_of_zeros:.2g}"
    return "; ".join(filter(None, (error, masking.scaling)))


def frames_of(view: BodyView, count: int) -> np.ndarray:
    """(P,) frames in the middle of equal parts of those in which the body was seen."""
    seen = np.flatnonzero(view.present)
    return seen[((np.arange(count) + 0.5) / count * len(seen)).astype(int)]


def _slots(view: MaskedView) -> np.ndarray:
    """Slots in which the body was seen."""
    return np.flatnonzero(view.present.reshape(-1, view.segment).any(axis=1))


def _share(view: MaskedView) -> str:
    visible, there = view.masking.visible, view.with_tokens
    rest = "" if there.all() else f", {(~there).sum()} joints have none"
    return f"{view.method} shows the encoder {visible.sum()} of {len(visible) * there.sum()} tokens (green){rest}"


def _motion_name(view: MaskedView, magnify: float) -> str:
    ahead = view.masking.frames_ahead
    stream = f"change of the {view.stream} stream" if ahead else f"{view.stream} stream"
    what = "motion" if view.stream == "joint" else stream
    over = f" over {ahead} frame{'s' * (ahead > 1)}" if ahead else ""
    return f"{what} of hidden joints{over}" + (f", drawn {magnify:.1f} times as long" if magnify > 1.05 else "")


def draw_bones(page: Page, axes: "Axes", frames: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Plain bones; returns the joints (P, V, 2)."""
    from matplotlib.collections import LineCollection

    points = page.points[frames] + at[:, None]
    lines = points[:, np.array(page.view.layout.bones)].reshape(-1, 2, 2)
    axes.add_collection(LineCollection(list(lines), colors=BONE, linewidths=1.0, zorder=1))
    return points


def _draw_scores(paper: Paper, scores: TokenMap, axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    judged = np.flatnonzero(np.isfinite(scores.value).any(axis=1))
    nearest = np.abs(frames[:, None] // paper.view.segment - judged).argmin(axis=1)
    value = scores.value[judged[nearest]]
    there, points = np.isfinite(value), draw_bones(paper, axes, frames, at)
    low, high = score_range(scores)
    style = {"cmap": SCORES, "vmin": low, "vmax": high, "edgecolors": EDGE}
    axes.scatter(*points[there].T, c=value[there], s=22, linewidths=0.5, zorder=3, **style)


def score_range(scores: TokenMap) -> tuple[float, float]:
    """Values of the palest and the darkest colour."""
    low, high = np.nanpercentile(scores.value, [0, 99])
    return float(low), float(max(high, low + 1e-12))


def _draw_visible(paper: Paper, axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    points, slots = draw_bones(paper, axes, frames, at), frames // paper.view.segment
    visible = paper.view.masking.visible[slots]
    axes.scatter(
        *points[~visible & paper.view.with_tokens].T, c=HIDDEN, s=16, edgecolors=EDGE, linewidths=0.5, zorder=2
    )
    axes.scatter(*points[visible].T, c=VISIBLE, s=26, edgecolors=EDGE, linewidths=0.5, zorder=3)


def _draw_original(page: Page, axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    draw_bodies(axes, page.points[frames] + at[:, None], page.view.layout)


def _draw_reconstruction(paper: Paper, axes: "Axes", frames: np.ndarray, at: np.ndarray) -> None:
    original = draw_bones(paper, axes, frames, at)
    draw_bodies(axes, paper.predicted()[frames] + at[:, None], paper.view.layout)
    given = paper.view.masking.visible[frames // paper.view.segment]
    axes.scatter(*original[given].T, c=VISIBLE, s=9, linewidths=0, zorder=3)


def _draw_arrows(
    paper: Paper, motion: np.ndarray, color: str, axes: "Axes", frames: np.ndarray, at: np.ndarray
) -> None:
    points, slots = draw_bones(paper, axes, frames, at), frames // paper.view.segment
    masking = paper.view.masking
    if motion is not masking.target:
        _quiver(axes, points, paper.magnify * paper.arrows(masking.target)[slots], masking.hidden[slots], "#bbbbbb")
    _quiver(axes, points, paper.magnify * paper.arrows(motion)[slots], masking.hidden[slots], color)
    axes.scatter(*points[masking.visible[slots]].T, c=VISIBLE, s=9, linewidths=0, zorder=3)


def _quiver(axes: "Axes", points: np.ndarray, arrows: np.ndarray, where: np.ndarray, color: str) -> None:
    style = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "inches", "width": 0.013, "zorder": 4}
    axes.quiver(*points[where].T, *arrows[where].T, color=color, headwidth=4, headlength=4.5, **style)
