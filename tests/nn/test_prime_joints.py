"""Prime joints against golden arrays, and the behaviour that the paper's figure shows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.layout import Layout
from kineme.nn.density import joint_density
from kineme.nn.prime_joints import (
    PrimeConfig,
    change_score,
    density_change,
    largest,
    prime_mask,
    score_norms,
    select,
    soft_mask,
)

CASES = golden_cases("stjd/prime_masks.npz")
SELECTS = ("threshold", "topk_sample", "topk_frame")


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("path", CASES)
def test_scores(path: Path) -> None:
    arrays = load_npz(path)
    density = torch.from_numpy(arrays["in/density"])

    def check(ours: torch.Tensor, key: str) -> None:
        np.testing.assert_allclose(ours.numpy(), arrays[key], rtol=1e-9, atol=1e-15, err_msg=key)

    check(density_change(density)[:, 1:], "mid/delta_forward")
    check(density_change(density), "mid/delta_aligned")
    check(density_change(density, 2), "mid/delta_aligned_step2")
    score = change_score(density)
    check(score, "mid/score")
    for name, norm in score_norms.items():
        check(norm(score), f"mid/score_{name}")
    beta, width = arrays["param/beta_sample_mean"].item(), arrays["param/soft_width"].item()
    soft = PrimeConfig(grad="soft", beta=beta, ste_width=width)
    check(soft_mask(score_norms["sample_mean"](score), beta, width), "out/soft_sample_mean")
    check(prime_mask(density, soft), "out/soft_sample_mean")


@pytest.mark.parametrize("path", CASES)
def test_masks(path: Path) -> None:
    arrays = load_npz(path)
    density = torch.from_numpy(arrays["in/density"])
    T, V = density.shape[1:]
    for norm in ("sample_mean", "sample_max", "frame_softmax"):
        config = PrimeConfig.parse({"score_norm": norm, "beta": arrays[f"param/beta_{norm}"].item()})
        np.testing.assert_array_equal(prime_mask(density, config).numpy(), arrays[f"out/mask_{norm}"])
    for rule, cells in (("topk_sample", T * V), ("topk_frame", V)):
        config = PrimeConfig.parse({"select": rule, "ratio": arrays[f"param/{rule}"].item() / cells})
        np.testing.assert_array_equal(prime_mask(density, config).numpy(), arrays[f"out/mask_{rule}"])


def test_of_equal_scores_the_first_are_taken() -> None:
    assert largest(torch.tensor([1.0, 2, 2, 2, 0]), 2).tolist() == [False, True, True, False, False]
    assert largest(torch.zeros(2, 40), 13).nonzero()[:, 1].tolist() == [*range(13)] * 2


def test_static_clips_have_no_prime_joint() -> None:
    for norm in ("none", "sample_max", "sample_mean"):
        assert not prime_mask(torch.ones(2, 6, 7), PrimeConfig.parse({"score_norm": norm, "beta": 0.1})).any()


@pytest.mark.parametrize("rule", SELECTS)
def test_absent_bodies_and_edges(rule: str, random: torch.Generator) -> None:
    density = torch.rand(2, 3, 8, 11, generator=random)
    present = torch.tensor([[True, False, True], [False, True, True]])
    config = PrimeConfig.parse({"select": rule})
    plain = prime_mask(density, config)
    gated = prime_mask(density, config, present)
    assert torch.equal(gated, plain * present[..., None, None])
    inner = prime_mask(density, config.with_changes(ignore_edges=2))
    assert not inner[..., :2, :].any()
    assert not inner[..., -2:, :].any()
    assert torch.equal(inner[..., 2:-2, :], plain[..., 2:-2, :])


@pytest.mark.parametrize("rule", SELECTS)
@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 2, 5), (3, 13, 25)], ids=str)
def test_one_clip_at_a_time(rule: str, shape: tuple[int, int, int], random: torch.Generator) -> None:
    density = torch.rand(shape, generator=random)
    for grad in ("ste", "soft", "none"):
        config = PrimeConfig.parse({"select": rule, "delta_step": 2, "grad": grad})
        single = torch.stack([prime_mask(clip, config) for clip in density])
        torch.testing.assert_close(prime_mask(density, config), single)


@pytest.mark.parametrize("rule", SELECTS)
def test_hard_masks_have_the_gradient_of_soft_ones(rule: str, random: torch.Generator) -> None:
    density = torch.rand(2, 6, 9, generator=random).requires_grad_()
    weight = torch.rand(2, 6, 9, generator=random)
    config = PrimeConfig.parse({"select": rule, "ste_width": 0.5})
    hard, soft = (prime_mask(density, config.with_changes(grad=grad)) for grad in ("ste", "soft"))
    assert ((hard == 0) | (hard == 1)).all()
    gradients = [torch.autograd.grad((mask * weight).sum(), density)[0] for mask in (hard, soft)]
    assert torch.equal(*gradients)
    assert gradients[0].any()
    assert not prime_mask(density, config.with_changes(grad="none")).requires_grad


def test_top_rules_fill_their_share(random: torch.Generator) -> None:
    score = torch.rand(4, 10, 20, generator=random)
    for rule, dims in (("topk_sample", (1, 2)), ("topk_frame", (2,))):
        mask, level = select(score, PrimeConfig.parse({"select": rule, "ratio": 0.25}))
        assert (mask.float().mean(dims) == 0.25).all()
        assert torch.equal(mask, score >= level)


def test_masks_teach_bandwidths(random: torch.Generator) -> None:
    x, h = torch.randn(2, 6, 9, 3, generator=random), torch.ones(9).requires_grad_()
    prime_mask(joint_density(x, h), PrimeConfig())[..., :4].sum().backward()
    assert h.grad is not None
    assert h.grad.isfinite().all()
    assert h.grad.any()


def test_a_hand_that_comes_to_a_still_head_makes_it_prime() -> None:
    layout = Layout.get("kinect25")
    head, hand, foot = (layout.joints.index(name) for name in ("head", "right_hand", "left_foot"))
    # Everything else stands far off, so that only the hand's way matters.
    still = 50.0 * torch.arange(layout.num_joints)[:, None].expand(-1, 3)
    x = still.repeat(10, 1, 1)
    x[:, hand] = still[head] + torch.linspace(2.5, 0.1, 10)[:, None] * torch.tensor([1.0, 0, 0])
    mask = prime_mask(joint_density(x, torch.full((layout.num_joints,), 0.5)), PrimeConfig())
    assert mask[-3:, head].all()
    assert not mask[0].any()
    assert not mask[:, foot].any()


def test_a_body_that_moves_as_a_whole_has_no_prime_joint(random: torch.Generator) -> None:
    pose = torch.randn(1, 25, 3, generator=random, dtype=torch.float64)
    way = torch.linspace(0, 3, 12, dtype=torch.float64)[:, None, None]
    assert change_score(joint_density(pose + way, torch.ones(25))).max() < 1e-12
