"""Losses of prime and non-prime joints against golden arrays, and what they push where."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.losses.contrast import contrast_logits, info_nce
from kineme.losses.reverse_contrast import hard_negative, margin_contrast, reverse_contrast


class Golden:
    """Vectors and results of one golden file."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_npz(path)
        raw = [torch.from_numpy(self.arrays[f"in/raw_{name}"]) for name in "qkp"]
        self.query, self.prime, self.nonprime = (F.normalize(each, dim=1).requires_grad_() for each in raw)
        self.queue = torch.from_numpy(self.arrays["in/bank"])
        self.tau = self.arrays["param/temperature"].item()

    def check(self, key: str, ours: Tensor) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol=1e-9, atol=1e-13, err_msg=key)

    def check_gradients(self, loss: Tensor, **wanted: Tensor) -> None:
        """Gradients of a loss by golden name."""
        for (name, vector), gradient in zip(
            wanted.items(), torch.autograd.grad(loss, list(wanted.values())), strict=True
        ):
            assert gradient.shape == vector.shape
            self.check(f"out/grad_{name}", gradient)


@pytest.fixture(params=golden_cases("stjd/cl_losses.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_contrast(golden: Golden) -> None:
    logits = contrast_logits(golden.query, golden.prime, golden.queue, golden.tau)
    golden.check("out/loss_cl", info_nce(logits))
    golden.check("mid/per_sample_cl", logits.logsumexp(dim=1) - logits[:, 0])
    golden.check_gradients(info_nce(logits), cl_zq=golden.query, cl_zk=golden.prime)


def test_reverse_contrast(golden: Golden) -> None:
    loss = reverse_contrast(golden.prime, golden.nonprime, golden.queue, golden.tau)
    golden.check("mid/per_sample_rcl", loss)
    golden.check("out/loss_rcl", loss.mean())
    golden.check_gradients(loss.mean(), rcl_zk=golden.prime, rcl_zp=golden.nonprime)


def test_reverse_contrast_of_the_query(golden: Golden) -> None:
    loss = reverse_contrast(golden.query, golden.nonprime, golden.queue, golden.tau)
    golden.check("mid/per_sample_rcl_query_anchor", loss)
    golden.check("out/loss_rcl_query_anchor", loss.mean())
    wanted = {"rcl_query_anchor_zq": golden.query, "rcl_query_anchor_zp": golden.nonprime}
    golden.check_gradients(loss.mean(), **wanted)


def test_hard_negative(golden: Golden) -> None:
    loss = hard_negative(golden.query, golden.prime, golden.nonprime, golden.queue, golden.tau)
    golden.check("mid/per_sample_rcl_hardneg", loss)
    golden.check("out/loss_rcl_hardneg", loss.mean())


def test_margin_contrast(golden: Golden) -> None:
    loss = margin_contrast(golden.prime, golden.nonprime, 0.0)
    golden.check("mid/per_sample_rcl_margin", loss)
    golden.check("out/loss_rcl_margin", loss.mean())


def test_reverse_contrast_fades() -> None:
    """The anchor is pushed from a vector like itself, and left alone by one that is less like it than the queue."""
    anchor, queue = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    near, far = (torch.tensor([[x, (1 - x * x) ** 0.5]]).requires_grad_() for x in (0.9, -0.9))
    pushes = [torch.autograd.grad(reverse_contrast(anchor, each, queue, 0.07).sum(), each)[0] for each in (near, far)]
    assert pushes[0][0, 0] > 10
    assert pushes[1].abs().max() < 1e-6


def test_margin() -> None:
    anchor, other = torch.eye(2), torch.tensor([[0.8, 0.6], [0.8, 0.6]])
    torch.testing.assert_close(margin_contrast(anchor, other, 0.7), torch.tensor([0.1, 0.0]))


def test_losses_stay_in_single_precision() -> None:
    query, prime, nonprime = (F.normalize(torch.randn(3, 4), dim=1).bfloat16() for _ in range(3))
    queue = F.normalize(torch.randn(5, 4), dim=1)
    with torch.autocast("cpu", torch.bfloat16):
        losses = [
            reverse_contrast(prime, nonprime, queue, 0.07),
            hard_negative(query, prime, nonprime, queue, 0.07),
            margin_contrast(prime, nonprime, 0.0),
        ]
    assert all(loss.dtype == torch.float32 for loss in losses)
