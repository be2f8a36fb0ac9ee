"""Tokens and positions of a skeleton sequence."""

import pytest
import torch

from kineme.nn.tokens import (
    Positions,
    from_segments,
    positions_where,
    put_tokens,
    resize_time_table,
    take_tokens,
    to_segments,
)


@pytest.mark.parametrize(("segment", "joints", "channels"), [(1, 5, 3), (4, 17, 2), (6, 25, 3)])
def test_segments_go_back_and_forth(segment: int, joints: int, channels: int) -> None:
    x = torch.rand(2, 12, joints, channels)
    tokens = to_segments(x, segment)
    assert tokens.shape == (2, 12 // segment * joints, segment * channels)
    assert torch.equal(from_segments(tokens, joints, segment), x)


def test_token_order() -> None:
    """Slot-major tokens; frames before coordinates inside one."""
    x = torch.arange(2 * 6 * 5 * 3).view(2, 6, 5, 3)
    token = to_segments(x, 3)[1, 1 * 5 + 2]
    assert torch.equal(token, x[1, 3:6, 2].flatten())


def test_take_tokens() -> None:
    tokens = torch.rand(2, 6, 4)
    index = torch.tensor([[5, 0], [1, 1]])
    assert torch.equal(take_tokens(tokens, index)[1, 0], tokens[1, 1])
    assert torch.equal(take_tokens(tokens, index)[0, 0], tokens[0, 5])


def test_put_tokens_is_the_inverse() -> None:
    grid, tokens, index = torch.rand(2, 6, 4), torch.rand(2, 2, 4), torch.tensor([[5, 0], [1, 3]])
    put = put_tokens(grid, index, tokens)
    assert torch.equal(take_tokens(put, index), tokens)
    others = torch.tensor([[1, 2, 3, 4], [0, 2, 4, 5]])
    assert torch.equal(take_tokens(put, others), take_tokens(grid, others))


def test_positions_where_a_mask_holds() -> None:
    mask = torch.rand(5, 40).argsort(dim=1) < 13
    positions = positions_where(mask, 13)
    assert positions.tolist() == [row.nonzero().flatten().tolist() for row in mask]


def test_positions_are_a_sum_of_time_and_joint() -> None:
    positions = Positions(slots=3, joints=5, width=4)
    table = positions()
    assert table.shape == (1, 15, 4)
    assert torch.equal(table[0, 2 * 5 + 4], positions.time[0, 2, 0] + positions.joint[0, 0, 4])


def test_time_table_of_other_length() -> None:
    table = torch.linspace(0, 1, 8).view(1, 8, 1, 1).repeat(1, 1, 1, 2)
    assert resize_time_table(table, 8) is table
    longer = resize_time_table(table, 16)
    assert longer.shape == (1, 16, 1, 2)
    assert (longer[0, 2:-2].diff(dim=0) > 0).all()
