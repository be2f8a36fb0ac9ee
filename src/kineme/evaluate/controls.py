"""Coordinates as features: what a result has to beat before learning deserves the credit."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kineme.store import SkeletonStore
from kineme.transforms.pipeline import Preparation, eval_pipeline

AT_ONCE = 512


def coordinate_features(store: SkeletonStore, index: np.ndarray, frames: int = 50) -> Tensor:
    """Whole clips at a common length and in a common pose, flattened.

    Clips are centred between the first body's hips in its first frame and, where they have three coordinates, turned
    to face the viewer.

    Args:
        store: clips.
        index: (N,) positions of the wanted clips.
        frames: length that every clip is resized to.

    Returns:
        (N, M*frames*V*C) float32 on the CPU, zero for absent bodies.
    """
    prepare = Preparation(window=frames, bodies=store.max_bodies, yaw=store.channels == 3, test_keep=1.0)
    pipeline, generator = eval_pipeline(prepare), torch.Generator()
    # Hips stand steadier than the trunk joints on which networks' input is centred; the control gets its best.
    layout = replace(store.layout, origin=store.layout.across)

    def flat(batch: np.ndarray) -> Tensor:
        return pipeline(replace(store.gather(batch), layout=layout), generator).xyz.flatten(1).cpu()

    return torch.cat([flat(batch) for batch in np.array_split(index, range(AT_ONCE, len(index), AT_ONCE))])


def coordinate_1nn(train: Tensor, labels: Tensor, queries: Tensor) -> Tensor:
    """Classes (Q,) of the training clips nearest in Euclidean distance, from (N, D), (N,) and (Q, D)."""
    nearest = [torch.cdist(chunk, train).argmin(dim=1) for chunk in queries.split(AT_ONCE)]
    return labels[torch.cat(nearest)]
