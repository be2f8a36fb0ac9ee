"""Mined similarities and the sharpened divergence against the authors' code, and what they mean."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.losses.similarity_mining import MiningConfig, mine, mined_divergence, sharpened_kl, similarities


def unit(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture(params=golden_cases("contrastive/07_actclr_ops*.npz"))
def arrays(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    path: Path = request.param
    return load_npz(path)


def test_mining_of_the_authors(arrays: dict[str, np.ndarray]) -> None:
    query, key = (torch.from_numpy(arrays[f"in/mine/{name}"]).double() for name in "qk")
    before = key.clone()
    wanted, columns = mine(key, 8192, 0.95)
    found = query.gather(1, columns)
    results = {
        "k_top_sum": wanted.sum(1),
        "q_top_sum": found.sum(1),
        "k_top_first5": wanted[:, :5],
        "k_top_last5": wanted[:, -5:],
        "q_top_first5": found[:, :5],
        "kld": sharpened_kl(found, wanted),
    }
    for name, ours in results.items():
        np.testing.assert_allclose(ours.numpy(), arrays[f"out/mine/{name}"], 1e-8, err_msg=name)
    assert torch.equal(key, before)


def test_divergence_of_the_authors(arrays: dict[str, np.ndarray]) -> None:
    query, key = (torch.from_numpy(arrays[f"in/kld/{name}"]).double() for name in ("student", "teacher"))
    np.testing.assert_allclose(sharpened_kl(query, key).numpy(), arrays["out/kld/value"], 1e-9)


def test_nearest_keys_are_mined_and_copies_left_out() -> None:
    similarity = torch.tensor([[0.1, 0.96, 0.5, -0.3, 0.95]])
    values, columns = mine(similarity, 3, below=0.95)
    assert columns.tolist() == [[4, 2, 0]]
    assert torch.equal(values, similarity[:, [4, 2, 0]])
    values, columns = mine(similarity, 5, below=0.95)
    assert values[0, -1] == -1
    assert columns[0, -1] == 1


def test_small_queues_are_mined_whole() -> None:
    values, columns = mine(unit(3, 7), 8192)
    assert values.shape == (3, 7)
    assert torch.equal(columns.sort().values, torch.arange(7).expand(3, -1))


def test_divergence_is_least_where_distributions_agree() -> None:
    key = unit(4, 9)
    agreeing = (key * (0.1 / 0.04)).requires_grad_()
    loss = sharpened_kl(agreeing, key)
    loss.backward()
    torch.testing.assert_close(loss.detach(), torch.tensor(0.0), atol=1e-6, rtol=0)
    assert agreeing.grad is not None
    torch.testing.assert_close(agreeing.grad, torch.zeros(4, 9), atol=1e-6, rtol=0)
    assert sharpened_kl(unit(4, 9, seed=1), key) > 0.1


def test_similarities_are_precise_under_autocast() -> None:
    query, queue = unit(4, 8), unit(9, 8, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        ours = similarities(query.bfloat16(), queue)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, query.bfloat16().float() @ queue.T, rtol=0, atol=0)


def test_divergence_over_the_mined_keys() -> None:
    query, key, queue = unit(3, 8), unit(3, 8, seed=1), unit(20, 8, seed=2)
    config = MiningConfig(count=5, below=0.9, temperature=0.2, key_temperature=0.1)
    expected = torch.stack(
        [
            sharpened_kl((queue[columns] @ q).square()[None], (queue[columns] @ k)[None], 0.2, 0.1)
            for q, k in zip(query, key, strict=True)
            for columns in [(queue @ k).topk(5).indices]
        ]
    )
    torch.testing.assert_close(mined_divergence(query, key, queue, config), expected.mean())
    opposite = mined_divergence(-query, key, queue, config)
    torch.testing.assert_close(opposite, expected.mean())
