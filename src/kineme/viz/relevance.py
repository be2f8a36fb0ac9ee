"""How much attention every joint of a clip receives, and when, in a form that can be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator

from kineme.errors import ConfigError
from kineme.methods import Method
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.body_views import BodyView, body_views

_RECORDING = ["label", "subject", "setup", "replication"]
"""What clips share that show the same performance to several cameras."""


@dataclass(frozen=True, kw_only=True)
class RelevanceView(BodyView):
    """One body of a clip, and how relevant its joints are to a network.

    Args:
        relevance: (S, V) from 0 to 1, the most relevant joint of every slot; see `Encoder.relevance`.
        camera: that recorded the clip; -1 where unknown.
    """

    relevance: np.ndarray
    camera: int = -1


@torch.no_grad()
def relevance_views(
    method: Method,
    config: RunConfig,
    store: SkeletonStore,
    index: Sequence[int] | np.ndarray,
    *,
    trained: bool = True,
    device: torch.device | str = "cpu",
) -> list[RelevanceView]:
    """Ask a method's encoder which joints of some clips it attends to, as evaluation sees them.

    Args:
        method: with an encoder that has attention; is put into evaluation mode.
        config: of the run that the method belongs to.
        store: the clips.
        index: (B,) positions of clips in the store.
        trained: whether the method's weights are.
        device: where to compute.

    Returns:
        One view for every body that is present in a clip, clip by clip.

    Raises:
        ConfigError: an encoder without attention.
        LayoutMismatchError: clips of another layout than the method's.
    """
    clips = store.to(device).gather(index)
    batch = eval_pipeline(config.prepare)(clips, Generator())
    relevance = method.to(device).eval().encoder.relevance(batch).flatten(0, 1).float().cpu().numpy()
    camera = store.clips["camera"][np.asarray(index)].repeat(config.prepare.bodies).tolist()
    bodies = body_views(config, store, clips, index, trained=trained)
    return [RelevanceView(**vars(body), relevance=relevance[n], camera=camera[n]) for n, body in bodies]


def all_cameras(store: SkeletonStore, index: Sequence[int] | np.ndarray) -> np.ndarray:
    """Positions of clips, each among what the other cameras saw of it: one clip per camera, in the order of cameras.

    Clips are of one recording where label, subject, setup and replication are the same.

    Args:
        store: the clips.
        index: (B,) positions of clips in the store.

    Raises:
        ConfigError: none of these clips was recorded by several cameras.
    """
    recording = np.unique(store.clips[_RECORDING], return_inverse=True)[1]
    camera = store.clips["camera"]
    found: list[int] = []
    for clip in index:
        (same,) = np.nonzero(recording == recording[clip])
        others = same[camera[same] != camera[clip]]
        first = others[np.unique(camera[others], return_index=True)[1]]
        together = np.append(first, clip)
        found.extend(together[camera[together].argsort()].tolist())
    if len(found) == len(index):
        raise ConfigError("no other camera recorded these clips (kineme data info STORE tells); leave --views out")
    return np.array(list(dict.fromkeys(found)))
