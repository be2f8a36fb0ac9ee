"""Graphs of skeletons: the authors' own, and what must hold of any."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.nn.graph import Strategy, layout_adjacency, partitioned_adjacency

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
OURS = {"ntu-rgb+d": "kinect25", "nw-ucla": "kinect20", "openpose": "openpose18"}  # layouts of the authors' code
LAYOUTS = [Layout.get(name) for name in Layout.names()]


@pytest.fixture(params=golden_cases("contrastive/01_graph*.npz"))
def arrays(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    return load_npz(request.param)


def test_partitions_are_the_authors(arrays: dict[str, np.ndarray]) -> None:
    keys = [key for key in arrays if key.startswith("out/A_")]
    assert keys
    for key in keys:
        layout, strategy = key.removeprefix("out/A_").rsplit("_", 1)
        edges, centre = arrays[f"out/edges_{layout}"].tolist(), arrays[f"out/center_{layout}"].item()
        ours = partitioned_adjacency(edges, len(arrays[f"out/hop_{layout}"]), centre, strategy)  # pyright: ignore[reportArgumentType]
        np.testing.assert_array_equal(ours, arrays[key], err_msg=key)


def test_our_layouts_have_the_authors_edges(arrays: dict[str, np.ndarray]) -> None:
    keys = [key for key in arrays if key.startswith("out/A_")]
    assert keys
    for key in keys:
        layout, strategy = key.removeprefix("out/A_").rsplit("_", 1)
        ours = layout_adjacency(Layout.get(OURS[layout]), strategy)  # pyright: ignore[reportArgumentType]
        np.testing.assert_array_equal(ours, arrays[key], err_msg=key)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_joint_gathers_from_its_neighbours_alone(layout: Layout, strategy: Strategy) -> None:
    adjacency = layout_adjacency(layout, strategy)
    assert adjacency.shape == (STRATEGIES.index(strategy) + 1, layout.num_joints, layout.num_joints)
    assert ((adjacency > 0).sum(axis=0) <= 1).all(), "a link is in one partition"
    whole = adjacency.sum(axis=0)
    np.testing.assert_allclose(whole.sum(axis=0), 1)
    links = {(joint, parent) for joint, parent in enumerate(layout.gcn_parents)}
    links |= {(parent, joint) for joint, parent in links} | {(joint, joint) for joint in range(layout.num_joints)}
    assert {(int(v), int(w)) for v, w in zip(*whole.nonzero(), strict=True)} == links


def test_only_the_first_two_hops_have_nearer_neighbours() -> None:
    """In a chain 0 - 1 - 2 - 3 - 4 around joint 1, joint 4 does not know that 3 is nearer."""
    chain = [(0, 1), (1, 2), (2, 3), (3, 4)]
    itself, neighbours, nearer = partitioned_adjacency(chain, 5, centre=1, strategy="spatial") > 0
    np.testing.assert_array_equal(itself, np.eye(5, dtype=bool))
    assert np.argwhere(nearer).tolist() == [[1, 0], [1, 2], [2, 3]]
    assert np.argwhere(neighbours).tolist() == [[0, 1], [2, 1], [3, 2], [3, 4], [4, 3]]


def test_a_graph_has_one_centre() -> None:
    layout = Layout.get("kinect20")
    torn = replace(layout, gcn=tuple("head" if joint == "head" else parent for joint, parent in pairs(layout)))
    with pytest.raises(LayoutError, match=r"kinect20: a graph needs one centre.*found spine_shoulder, head$"):
        layout_adjacency(torn, "spatial")


def pairs(layout: Layout) -> list[tuple[str, str]]:
    return list(zip(layout.joints, layout.gcn, strict=True))
