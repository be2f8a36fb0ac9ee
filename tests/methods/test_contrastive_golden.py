"""SkeletonCLR and AimCLR against the authors' code: keys, logits, losses, gradients, queue, and a second step."""

import numpy as np
import pytest
import torch

from conftest import golden_cases
from contrastive_golden import STAGE_ONE, STAGE_TWO, Golden, gradients
from kineme.losses.contrast import contrast_logits, nearest
from kineme.methods import Progress
from kineme.methods.aimclr import AimCLR, AimCLRConfig, attention_drop
from kineme.methods.skeletonclr import SkeletonCLR, SkeletonCLRConfig


@pytest.fixture(params=golden_cases("contrastive/03_skeletonclr_step*.npz"))
def skeletonclr(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture(params=golden_cases("contrastive/04_aimclr_step*.npz"))
def aimclr(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_two_steps_of_skeletonclr(skeletonclr: Golden) -> None:
    method = SkeletonCLR(SkeletonCLRConfig.parse(skeletonclr.settings()), skeletonclr.encoder())
    skeletonclr.load(method)
    views = [skeletonclr.view("im_q"), skeletonclr.view("im_k")]
    meta = skeletonclr.meta
    optimizer = torch.optim.SGD(
        [parameter for parameter in method.parameters() if parameter.requires_grad],
        lr=meta["lr"],
        momentum=meta["sgd_momentum"],
        weight_decay=meta["weight_decay"],
    )
    output = method.step(views, {}, STAGE_ONE)
    skeletonclr.check("out/logits", output.artefacts["logits"])
    skeletonclr.check("out/queue_after", method.queue.keys.T)
    skeletonclr.check("out/queue_ptr_after", method.queue.place.reshape(1))
    output.loss.backward()
    skeletonclr.check_parameters("out/grad/", gradients(method), tolerance=1e-5)
    optimizer.step()
    optimizer.zero_grad()
    skeletonclr.check_parameters("out/after_step1/", method.state_dict(), tolerance=1e-6)
    skeletonclr.check("out/loss_step2", method.step(views, {}, STAGE_ONE).loss)


@pytest.mark.parametrize(
    ("name", "progress", "neighbours"),
    [("stage1", STAGE_ONE, 1), ("nnm_top1", STAGE_TWO, 1), ("nnm_top3", STAGE_TWO, 3)],
)
def test_steps_of_aimclr(aimclr: Golden, name: str, progress: Progress, neighbours: int) -> None:
    config = AimCLRConfig.parse(aimclr.settings() | {"neighbours": neighbours})
    method = AimCLR(config, aimclr.encoder())
    aimclr.load(method)
    output = method.step([aimclr.view(f"im_{view}") for view in ("extreme", "q", "k")], {}, progress)
    aimclr.check(f"out/{name}/logits", output.artefacts["logits"])
    aimclr.check(f"out/{name}/loss1", output.logs["contrast"])
    both = aimclr.arrays[f"out/{name}/loss2"] + aimclr.arrays[f"out/{name}/loss3"]
    np.testing.assert_allclose(output.logs["matching"].numpy(), both, rtol=1e-8)
    aimclr.check(f"out/{name}/loss", output.loss)
    if any(key.startswith(f"out/{name}/grad/") for key in aimclr.arrays):
        output.loss.backward()
        aimclr.check_parameters(f"out/{name}/grad/", gradients(method), tolerance=1e-5)


def test_mined_positives_of_aimclr(aimclr: Golden) -> None:
    for count in (1, 3):
        logits = torch.from_numpy(aimclr.arrays[f"out/nnm_top{count}/logits"])
        found = torch.from_numpy(aimclr.arrays[f"out/nnm_top{count}/pos_mask"]).bool()
        assert (nearest(logits, count) <= found).all(), "the neighbours of the query are among those of all three"
        assert found[:, 0].all()


def test_attention_drop_of_aimclr(aimclr: Golden) -> None:
    before = torch.from_numpy(aimclr.arrays["mid/eadm_in"]).double()
    features = before.permute(0, 2, 3, 1).unflatten(0, (-1, 2))
    ours = attention_drop(features, aimclr.meta["keep_prob"]).flatten(0, 1).permute(0, 3, 1, 2)
    aimclr.check("mid/eadm_out", ours, tolerance=1e-5)


def test_logits_are_similarities() -> None:
    query, key, queue = torch.eye(3)[:2], torch.eye(3)[:2].flip(0), torch.eye(3)
    expected = torch.tensor([[0.0, 1, 0, 0], [0, 0, 1, 0]]) / 0.5
    assert torch.equal(contrast_logits(query, key, queue, 0.5), expected)
