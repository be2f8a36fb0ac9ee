"""Bodies of clips as a method meets them: what every figure of a method on clips is drawn from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Generator

from kineme.clips import RaggedClips
from kineme.layout import Layout
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.transforms.pipeline import eval_pipeline


@dataclass(frozen=True, kw_only=True)
class BodyView:
    """One body of a clip, as a method meets it.

    Args:
        clip: which clip and body it is, in words.
        method: name of the method.
        layout: joints; V.
        stream: what the method reads of the clip.
        poses: (T, V, C) coordinates of the joints, prepared as the method's input is.
        present: (T,) bool, whether the body was seen.
        trained: whether the method's weights are.
    """

    clip: str
    method: str
    layout: Layout
    stream: str
    poses: np.ndarray
    present: np.ndarray
    trained: bool = True

    @property
    def remark(self) -> str:
        """What has to be known of the method; may be empty."""
        return "" if self.trained else "by a network before training"

    def at(self, frames: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """What is known of S slots (S, ...) at frames (P,), each as in the slot that its middle is in: (P, ...)."""
        S, T = len(slots), len(self.poses)
        return slots[(2 * frames + 1) * S // (2 * T)]


def body_views(
    config: RunConfig, store: SkeletonStore, clips: RaggedClips, index: Sequence[int] | np.ndarray, *, trained: bool
) -> Iterator[tuple[int, BodyView]]:
    """Bodies that are present, each with its number among all (B * M) of a batch.

    Args:
        config: of a run; says how clips are prepared.
        store: the clips.
        clips: those that are wanted.
        index: (B,) their positions in the store.
        trained: whether the method's weights are.
    """
    joints = eval_pipeline(config.prepare.with_changes(stream="joint"))(clips, Generator())
    poses, present = (each.flatten(0, 1).cpu().numpy() for each in (joints.xyz, joints.present))
    for n in np.flatnonzero(present.any(axis=1)).tolist():
        clip, body = divmod(n, config.prepare.bodies)
        yield (
            n,
            BodyView(
                clip=_name(store, int(index[clip]), body),
                method=config.method.name,
                layout=store.layout,
                stream=config.prepare.stream,
                poses=poses[n],
                present=present[n],
                trained=trained,
            ),
        )


def _name(store: SkeletonStore, index: int, body: int) -> str:
    clip = store[index]
    label = "" if clip.label is None else f"{store.classes[clip.label]}, "
    return f"{label}{clip.id}" + (f", body {body + 1}" if clip.xyz.shape[0] > 1 else "")
