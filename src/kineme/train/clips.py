"""Which clips of a store a run is trained on."""

import numpy as np

from kineme.errors import ConfigError, StoreError
from kineme.methods import methods
from kineme.recipes.base import RunConfig
from kineme.semi import balanced_subset, reference_subset
from kineme.splits import get_split, validation_split
from kineme.store import SkeletonStore


def training_clips(config: RunConfig, store: SkeletonStore) -> np.ndarray:
    """Positions (N,) of the clips that a run is trained on.

    The training side of its split, or all clips; of those with labels, where the method needs them; without the
    validation subjects and a share only, where the subset says so.

    Raises:
        SplitError: the store cannot provide the split, or no validation subjects.
        StoreError: the method needs labels and there are none.
    """
    clips = np.arange(len(store)) if config.split is None else get_split(store, config.split)[0]
    if methods.get(config.method.name).needs_labels:
        clips = _labelled(store, clips)
    if config.subset.hold_out:
        clips, _ = validation_split(store, clips, seed=config.subset.seed)
    return _share(config, store, clips)


def clips_per_step(wanted: int, clips: int, processes: int) -> int:
    """Size of a batch: as many clips as wanted or, where there are fewer, all that can be dealt out evenly.

    Args:
        wanted: ``train.batch_size``.
        clips: how many are trained on.
        processes: how many share a batch.

    Raises:
        ConfigError: the wanted ones cannot be dealt out evenly, or there is not one for every process.
    """
    if wanted % processes or clips < processes:
        raise ConfigError(
            f"a batch of {wanted} (train.batch_size) of {clips} training clips cannot be dealt out evenly to "
            f"{processes} devices; give --devices a divisor of the batch size, no larger than the number of clips"
        )
    return min(wanted, clips - clips % processes)


def _labelled(store: SkeletonStore, clips: np.ndarray) -> np.ndarray:
    labelled = clips[store.labels[clips] >= 0]
    if len(labelled) < 2:
        raise StoreError(
            f"{store.path or 'the store in memory'}: supervised training takes labelled clips, and {len(labelled)} of "
            f"the {len(clips)} training clips have a label; prepare or import the store with labels"
        )
    return labelled


def _share(config: RunConfig, store: SkeletonStore, clips: np.ndarray) -> np.ndarray:
    subset = config.subset
    if subset.fraction == 1:
        return clips
    if subset.rule == "balanced":
        return clips[balanced_subset(store.labels[clips], subset.fraction, subset.seed)]
    return np.sort(clips[reference_subset(len(clips), subset.fraction, subset.seed)])
