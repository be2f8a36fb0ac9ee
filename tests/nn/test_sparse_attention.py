"""AAGA: against Informer's modules, and what follows from its definition."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from agrnet_golden import Golden, double
from conftest import golden_cases
from kineme.nn.sparse_attention import (
    SparseAttention,
    activity,
    attend,
    attention_map,
    budget,
    draw_keys,
    most_active,
    sparse_attention,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensors(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape, generator=seeded(i), dtype=torch.float64) for i, shape in enumerate(shapes)]


@pytest.fixture(params=golden_cases("agrnet/aaga_core_*.npz"))
def core(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture(params=golden_cases("agrnet/attention_layer*.npz"))
def layer(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_scores_active_queries_and_answers(core: Golden) -> None:
    query, key, value, index = (core[f"in/{name}"] for name in ("q", "k", "v", "index"))
    factor = core.number("in/factor")
    assert index.shape[1] == budget(key.shape[2], factor)
    scores = activity(query, key, index)
    core.check("mid/activity", scores)
    active = most_active(scores, budget(query.shape[2], factor))
    core.check("mid/active", active.sort(dim=-1).values)
    core.check("out/context", sparse_attention(query, key, value, index, factor))
    core.check("out/attention", attention_map(query, key, index, factor))


def test_layer_with_and_without_sparsity(layer: Golden) -> None:
    x, index, heads = layer["in/x"], layer["in/index"], layer.number("in/n_heads")
    for name in ("sparse", "full"):
        with double():
            ours = SparseAttention(x.shape[1], x.shape[2], heads, sparse=name == "sparse")
        layer.load(ours)
        layer.check(f"out/{name}", ours(x, index))


@pytest.mark.parametrize(
    ("length", "expected"), [(50, 20), (25, 20), (13, 13), (75, 25), (38, 20), (19, 15), (2000, 40)]
)
def test_budget(length: int, expected: int) -> None:
    assert budget(length, 5) == expected


def test_inactive_queries_take_the_mean_value() -> None:
    query, key, value = tensors((2, 3, 40, 4), (2, 3, 40, 4), (2, 3, 40, 4))
    index = draw_keys(40, 40, 2, seeded(0), query)
    active = most_active(activity(query, key, index), budget(40, 2))
    answers, full = sparse_attention(query, key, value, index, 2), attend(query, key, value)
    is_active = torch.zeros(2, 3, 40, dtype=torch.bool).scatter(-1, active, value=True)
    torch.testing.assert_close(answers[is_active], full[is_active])
    mean = value.mean(dim=2, keepdim=True).expand_as(answers)
    torch.testing.assert_close(answers[~is_active], mean[~is_active])


def test_full_attention_where_all_queries_are_active() -> None:
    query, key, value = tensors((2, 2, 12, 4), (2, 2, 12, 4), (2, 2, 12, 4))
    index = draw_keys(12, 12, 5, seeded(0), query)
    torch.testing.assert_close(
        sparse_attention(query, key, value, index, 5), F.scaled_dot_product_attention(query, key, value)
    )


def test_scores_are_those_of_the_definition() -> None:
    query, key = tensors((2, 3, 20, 4), (2, 3, 30, 4))
    index = draw_keys(20, 30, 2, seeded(0), query)
    products = (query.unsqueeze(-2) * key[:, :, index]).sum(dim=-1)
    torch.testing.assert_close(activity(query, key, index), products.amax(dim=-1) - products.sum(dim=-1) / 30)


def test_of_equal_scores_the_earlier_is_active() -> None:
    assert most_active(torch.tensor([0.0, 2, 1, 2, 1]), 3).tolist() == [1, 3, 2]


def test_clips_are_independent() -> None:
    (x,) = tensors((5, 40, 8))
    with double():
        attention = SparseAttention(40, 8, 2, factor=2).eval()
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(attention(x)[order], attention(x[order]))


def test_keys_are_fixed_in_evaluation_and_drawn_in_training() -> None:
    (x,) = tensors((2, 60, 8))
    with double():
        attention, twin = SparseAttention(60, 8, 2, factor=2), SparseAttention(60, 8, 2, factor=2)
    twin.load_state_dict(attention.state_dict())
    assert torch.equal(attention.eval()(x), twin.eval()(x))
    torch.manual_seed(0)
    first = attention.train()(x)
    assert not torch.equal(first, attention(x))
    index = attention.sample(seeded(3), x)
    assert torch.equal(attention(x, index), attention(x, index))


def test_gradients_reach_all_values() -> None:
    query, key, value = (x.requires_grad_() for x in tensors((1, 1, 30, 4), (1, 1, 30, 4), (1, 1, 30, 4)))
    index = draw_keys(30, 30, 1, seeded(0), query)
    sparse_attention(query, key, value, index, 1).sum().backward()
    assert value.grad is not None
    assert (value.grad != 0).all()


def test_padding_changes_nothing() -> None:
    query, key, value = tensors((1, 2, 30, 4), (1, 2, 30, 4), (1, 2, 30, 4))
    valid = (torch.arange(30) < 20)[None]
    index = draw_keys(30, 30, 2, seeded(0), query)
    before = sparse_attention(query, key, value, index, 2, valid)
    for x in (query, key, value):
        x[:, :, 20:] += 3
    after = sparse_attention(query, key, value, index, 2, valid)
    torch.testing.assert_close(after[:, :, :20], before[:, :, :20])


def test_map_is_what_values_are_weighed_with() -> None:
    (x,) = tensors((2, 40, 8))
    with double():
        attention = SparseAttention(40, 8, 2, factor=2).eval()
    _, _, value = attention.heads_of(x)
    answers = (attention.map(x) @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.proj(answers), attention(x))
