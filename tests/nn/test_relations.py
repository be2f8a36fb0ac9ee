"""Relations of joints, on any layout."""

import numpy as np
import pytest

from kineme.layout import Layout
from kineme.nn.relations import RELATIONS, local_pairs, part_membership, part_of, relation_types


def test_counts_of_ntu() -> None:
    counts = np.bincount(relation_types(Layout.get("kinect25")).flatten(), minlength=RELATIONS)
    assert counts.tolist() == [25, 24, 24, 64, 20, 192, 276]


@pytest.mark.parametrize("name", Layout.names())
def test_any_layout(name: str) -> None:
    layout = Layout.get(name)
    types = relation_types(layout)
    assert types.shape == (layout.num_joints, layout.num_joints)
    assert (np.diagonal(types) == 0).all()
    assert ((types == 1) == (types == 2).T).all(), "whose parent I am is my child"
    for kind in range(3, RELATIONS):
        assert ((types == kind) == (types == kind).T).all()
    for joint, parent in enumerate(layout.gcn_parents):
        assert types[joint, parent] == (joint != parent)
    mirrored = types[np.ix_(layout.mirror, layout.mirror)]
    assert (mirrored == types).all()
    assert (local_pairs(layout) == (types < 4)).all()


@pytest.mark.parametrize("name", Layout.names())
def test_parts(name: str) -> None:
    layout = Layout.get(name)
    members, part = part_membership(layout), part_of(layout)
    assert (members.sum(axis=0) == 1).all()
    for number, joints in enumerate(layout.part_indices.values()):
        assert (np.flatnonzero(part == number) == sorted(joints)).all()
    of_trunk = relation_types(layout)[part == list(layout.part_indices).index("trunk")]
    assert not (of_trunk == RELATIONS - 1).any()
