"""A skeleton as the graph convolutions of ST-GCN take it: normalised adjacency, split into partitions.

Yan et al., AAAI 2018, and spec-contrastive §3. Entry (k, v, w) is the share of joint v in what joint w gathers through
partition k; what a joint gathers through all partitions together sums to one.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from kineme.errors import LayoutError
from kineme.layout import Layout

Strategy = Literal["uniform", "distance", "spatial"]
"""``uniform``: one partition. ``distance``: a joint itself, its neighbours. ``spatial``: a joint itself, its
neighbours, those of them that are nearer to the body's centre."""


def layout_adjacency(layout: Layout, strategy: Strategy) -> np.ndarray:
    """Adjacency (K, V, V) of a layout's graph, which its gcn parents describe.

    Args:
        layout: V joints; the one that is its own gcn parent is the centre.
        strategy: how neighbours are split into K partitions.

    Raises:
        LayoutError: several joints are their own gcn parents.
    """
    centre, *others = (joint for joint, parent in enumerate(layout.gcn_parents) if joint == parent)
    if others:
        found = ", ".join(layout.joints[joint] for joint in (centre, *others))
        raise LayoutError(
            f"layout {layout.name}: a graph needs one centre, a joint that is its own parent in [gcn]; found {found}"
        )
    return partitioned_adjacency(enumerate(layout.gcn_parents), layout.num_joints, centre, strategy)


def partitioned_adjacency(
    edges: Iterable[tuple[int, int]], num_joints: int, centre: int, strategy: Strategy
) -> np.ndarray:
    """Adjacency of any graph.

    Args:
        edges: pairs of joints that are linked; every joint is linked to itself besides.
        num_joints: V.
        centre: joint that ``spatial`` measures distances from.
        strategy: how neighbours are split into K partitions.

    Returns:
        (K, V, V) float64, K = 1, 2 or 3.
    """
    linked = np.eye(num_joints, dtype=bool)
    for joint, other in edges:
        linked[joint, other] = linked[other, joint] = True
    share = linked * (1 / linked.sum(axis=0))
    return np.stack([share * partition for partition in _partitions(linked, centre, strategy)])


def _partitions(linked: np.ndarray, centre: int, strategy: Strategy) -> list[np.ndarray]:
    """Which of the links (V, V) belong to each of the K partitions."""
    itself = np.eye(len(linked), dtype=bool)
    if strategy == "uniform":
        return [linked]
    if strategy == "distance":
        return [itself, linked & ~itself]
    # The first code of ST-GCN counts distances up to one hop only and takes all joints beyond for equally far. So a
    # neighbour is nearer than oneself only for those who are one or two hops out; trained weights rely on it.
    hops = np.where(linked[centre], 1, 2)
    hops[centre] = 0
    nearer = linked & (hops[:, None] < hops[None, :])
    return [itself, linked & ~itself & ~nearer, nearer]
