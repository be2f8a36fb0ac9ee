"""Coordinates as features: what a result has to beat before learning deserves the credit."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kineme.errors import SplitError
from kineme.evaluate.result import Score
from kineme.evaluate.select import accuracy
from kineme.evaluate.sides import Sides
from kineme.store import SkeletonStore
from kineme.transforms.pipeline import Preparation, eval_pipeline

AT_ONCE = 512
COMPONENTS = 200


def coordinate_features(store: SkeletonStore, index: np.ndarray, frames: int = 50) -> Tensor:
    """Whole clips at a common length and in a common pose, flattened.

    Clips are centred between the first body's hips in its first frame and, where they are 3D and in metres, turned to
    face the viewer.

    Args:
        store: clips.
        index: (N,) positions of the wanted clips.
        frames: length that every clip is resized to.

    Returns:
        (N, M*frames*V*C) float32 on the CPU, zero for absent bodies.
    """
    facing = store.channels == 3 and store.layout.unit == "m"
    prepare = Preparation(window=frames, bodies=store.max_bodies, yaw=facing, test_keep=1.0)
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


def coordinate_logreg(train: Tensor, labels: Tensor, queries: Tensor) -> Tensor:
    """Classes (Q,) by logistic regression on the first 200 principal components, from (N, D), (N,) and (Q, D)."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    reduce = PCA(min(COMPONENTS, *train.shape), svd_solver="full").fit(train.numpy())
    model = LogisticRegression(max_iter=2000).fit(reduce.transform(train.numpy()), labels.numpy())
    return torch.from_numpy(model.predict(reduce.transform(queries.numpy())))


def coordinate_scores(sides: Sides) -> dict[str, Score]:
    """Accuracy of both classifiers on the coordinates of a split's clips; nothing is learned without labels here.

    Raises:
        SplitError: one class only on the training side.
    """
    if len(sides.train_labels.unique()) < 2:
        raise SplitError(f"split {sides.split}: all training clips are of one class; nothing can be told apart")
    train, test = (coordinate_features(sides.store, side) for side in (sides.train, sides.test))
    nearest = coordinate_1nn(train, sides.train_labels, test)
    regression = coordinate_logreg(train, sides.train_labels, test)
    rule = "on aligned coordinates, nothing selected"
    return {
        "1-NN": accuracy(nearest, sides.test_labels, "1-NN", rule),
        f"PCA-{COMPONENTS} + logistic regression": accuracy(regression, sides.test_labels, "C=1", rule),
    }
