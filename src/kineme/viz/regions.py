"""Which joints of a clip a contrastive method looks at, and when, in a form that can be drawn.

A new method joins in by registering its own `find_regions`.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Self

import numpy as np
import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.errors import ConfigError
from kineme.methods import Method
from kineme.methods.actclr import ActCLR, mean_clip
from kineme.methods.actclr_paper import ActCLRPaper
from kineme.methods.stjd_cl import STJDCL
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.body_views import BodyView, body_views


@dataclass(frozen=True)
class Regions:
    """How much of each cell of N bodies, joint and time slot, is in a region; N is dropped where one is described.

    Args:
        name: of the region.
        meaning: why a cell is in it.
        weight: (N, S, V), 1 in the region, 0 outside, or between.
    """

    name: str
    meaning: str
    weight: np.ndarray

    def of(self, body: int) -> Self:
        """Region of one of the bodies."""
        return replace(self, weight=self.weight[body])


@dataclass(frozen=True, kw_only=True)
class RegionView(BodyView):
    """One body of a clip, and the region that a method finds on it.

    Args:
        region: of this body.
    """

    region: Regions

    def weight_at(self, frames: np.ndarray) -> np.ndarray:
        """Weights of frames (P,): (P, V)."""
        return self.at(frames, self.region.weight)


@torch.no_grad()
def region_views(
    method: Method,
    config: RunConfig,
    store: SkeletonStore,
    index: Sequence[int] | np.ndarray,
    *,
    trained: bool = True,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> list[RegionView]:
    """Let a method find its regions on some clips as evaluation sees them; its weights stay as they are.

    Actionlets are told by comparison with other clips. So others are drawn from the store until there are as many as in
    a batch of the training.

    Args:
        method: any that `find_regions` knows; is put into evaluation mode.
        config: of the run that the method belongs to.
        store: the clips.
        index: (B,) positions of clips in the store.
        trained: whether the weights are.
        seed: of the other clips.
        device: where to compute.

    Returns:
        One view for every body that is present in a clip, clip by clip.

    Raises:
        ConfigError: a method that knows no regions.
        LayoutMismatchError: clips of another layout than the method's.
    """
    method, generator = method.to(device).eval(), Generator().manual_seed(seed)
    moved, others = store.to(device), _others(len(store), index, config.train.batch_size, generator)
    batch = eval_pipeline(config.prepare)(moved.gather(np.concatenate([index, others])), generator)
    regions = find_regions(method, batch)
    bodies = body_views(config, store, moved.gather(index), index, trained=trained)
    return [RegionView(**vars(body), region=regions.of(n)) for n, body in bodies]


@singledispatch
def find_regions(method: Method, batch: ClipBatch) -> Regions:
    """The regions that a method finds on every body of a batch.

    Args:
        method: its class decides which implementation answers; in evaluation mode.
        batch: the method's input.

    Raises:
        ConfigError: a method that knows no regions.
    """
    raise ConfigError(
        f"{type(method).__name__} treats all joints of a clip alike, so there are no regions to draw; "
        f"actclr, actclr_paper and stjd_cl tell them apart"
    )


@find_regions.register
def _(method: ActCLR, batch: ClipBatch) -> Regions:
    weight = method.actionlet(batch, method.static_anchor(mean_clip(batch)))
    return Regions("actionlet", f"what sets the clip apart from the mean of {len(batch)} clips", _bodies(weight))


@find_regions.register
def _(method: ActCLRPaper, batch: ClipBatch) -> Regions:
    _, weight = (method if method.average.count.any() else _with_average(method, batch)).focused_key(batch)
    return Regions("actionlet", "what sets the clip apart from the average of all clips", _bodies(weight))


@find_regions.register
def _(method: STJDCL, batch: ClipBatch) -> Regions:
    weight = method.detect(batch, method.key_features(batch))
    return Regions("prime joints", "where the joint density changes most", _bodies(weight))


def _with_average(method: ActCLRPaper, batch: ClipBatch) -> ActCLRPaper:
    """A copy whose average is that of a batch, for networks that have not seen any clip."""
    other = deepcopy(method)
    other.average.add(batch)
    return other


def _others(clips: int, index: Sequence[int] | np.ndarray, wanted: int, generator: Generator) -> np.ndarray:
    """Positions of clips, all different, that make a batch of the wanted size of those in ``index``."""
    rest = np.setdiff1d(np.arange(clips), index)
    return rest[torch.randperm(len(rest), generator=generator).numpy()][: max(wanted - len(index), 0)]


def _bodies(weight: Tensor) -> np.ndarray:
    """(B, M, S, V) to (B * M, S, V)."""
    return weight.flatten(0, 1).float().cpu().numpy()
