"""How joints of a layout are related, for attention that knows it (DANet, spec-danet §3; our reading).

The paper speaks of relations among parts and joints and gives no table of them. Everything here follows from a layout.
"""

import numpy as np

from kineme.layout import Layout

RELATIONS = 7
"""Types of pairs: 0 a joint itself, 1 its parent, 2 its child, 3 another of its part, 4 its mirror image, 5 one of the
two in the trunk, 6 neither."""
_LAST_LOCAL = 3


def relation_types(layout: Layout) -> np.ndarray:
    """Type of every pair (query, key): (V, V) int64 below `RELATIONS`; the first that holds.

    Parents are those of bone streams. The trunk is every part that is its own mirror image.
    """
    joint, parent, part = np.arange(layout.num_joints), np.array(layout.gcn_parents), part_of(layout)
    is_parent = parent[:, None] == joint
    in_trunk = _is_middle(layout)[part]
    holds = [
        joint[:, None] == joint,
        is_parent,
        is_parent.T,
        part[:, None] == part,
        np.array(layout.mirror)[:, None] == joint,
        in_trunk[:, None] | in_trunk,
    ]
    return np.select(holds, np.arange(len(holds)), default=len(holds))


def local_pairs(layout: Layout) -> np.ndarray:
    """Whether two joints are linked or of one part: (V, V) bool."""
    return relation_types(layout) <= _LAST_LOCAL


def part_of(layout: Layout) -> np.ndarray:
    """Number of every joint's part: (V,) int64."""
    return part_membership(layout).argmax(axis=0)


def part_membership(layout: Layout) -> np.ndarray:
    """Whether a part has a joint: (P, V) bool."""
    return np.stack([np.isin(np.arange(layout.num_joints), joints) for joints in layout.part_indices.values()])


def _is_middle(layout: Layout) -> np.ndarray:
    """Whether a part is its own mirror image: (P,) bool."""
    members = part_membership(layout)
    return (members == members[:, np.array(layout.mirror)]).all(axis=1)
