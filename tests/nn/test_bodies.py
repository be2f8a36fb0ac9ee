"""Which bodies are computed: nobody that counts is lost."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from kineme.nn.bodies import distinct_bodies, present_bodies, sampled_bodies


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=4))
def test_everybody_has_a_body_like_it(kinds: list[list[int]]) -> None:
    """Bodies of kind 0 are absent, those of one clip and kind are copies; other clips' bodies are their own."""
    clip = torch.arange(1, len(kinds) + 1)[:, None] * 10
    kind = torch.tensor(kinds)
    xyz = torch.where(kind > 0, clip + kind, 0)[:, :, None, None, None] * torch.tensor([1.0, 0.0, -0.5])
    rows, who = distinct_bodies(xyz.expand(-1, -1, 2, 4, -1))
    bodies = xyz.flatten(0, 1)
    assert torch.equal(bodies[rows][who], bodies)
    assert len(rows) == len(bodies.unique(dim=0))
    assert (rows.diff() > 0).all()


def test_bodies_that_are_no_numbers_stand_for_themselves() -> None:
    xyz = torch.full((1, 2, 1, 1, 3), torch.nan)
    rows, who = distinct_bodies(xyz)
    assert rows.tolist() == who.tolist() == [0, 1]


def test_present_bodies() -> None:
    present = torch.zeros(2, 2, 3, dtype=torch.bool)
    assert present_bodies(present).tolist() == [0, 1, 2, 3], "all where nobody was seen"
    present[0, 1, 2] = present[1, 0, 0] = True
    assert present_bodies(present).tolist() == [1, 2]


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.sampled_from([0.25, 0.5, 1.0]))
def test_sampled_bodies_stand_for_all(seen: list[bool], share: float) -> None:
    """Averaged over evenly spaced draws, each body counts as much as any other; those seen are always there."""
    present = torch.tensor(seen).view(-1, 1, 1)
    count = torch.zeros(len(seen))
    draws = (torch.arange(8) + 0.5) / 8
    for draw in draws:
        rows, weight = sampled_bodies(present, share, draw.expand(len(seen)))
        assert len(rows) >= 1
        assert set(torch.tensor(seen).nonzero().flatten().tolist()) <= set(rows.tolist())
        count[rows] += weight
    torch.testing.assert_close(count / len(draws), torch.full((len(seen),), 1 / len(seen)))
