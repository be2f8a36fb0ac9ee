"""Masked prediction beyond what golden files prove: what is skipped changes nothing, unless that is asked for."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.hacm import HACM, HACMConfig
from kineme.methods.mamp import MAMP, MAMPConfig
from kineme.methods.token_decoder import TokenDecoder
from kineme.nn.tokens import take_tokens
from kineme.transforms import CentreCrop
from kineme.transforms.base import Draws
from ragged import ragged_store

START = Progress(step=0, epoch=0.0, epochs=1)
KINECT = Layout.get("kinect25")
SIZES = {"width": 16, "depth": 1, "heads": 2, "segment": 4}
DECODER = {"decoder_width": 16, "decoder_depth": 2, "decoder_heads": 2}


def mamp(**changes: object) -> MAMP:
    torch.manual_seed(0)
    encoder = SkeletonTransformer(SkeletonTransformerConfig.parse(SIZES), KINECT, 16)
    return MAMP(MAMPConfig.parse(DECODER | changes), encoder)


def hacm(**changes: object) -> HACM:
    torch.manual_seed(0)
    encoder = BallTransformer(BallTransformerConfig.parse(SIZES), KINECT, 16)
    return HACM(HACMConfig.parse(DECODER | changes), encoder)


both = pytest.mark.parametrize("build", [mamp, hacm])


def batch_of(*bodies: int) -> ClipBatch:
    """Clips with so many bodies out of two."""
    clips = ragged_store(0, [(max(each, 1), 30) for each in bodies], "kinect25").gather(range(len(bodies)))
    batch = CentreCrop(16, 2)(clips, torch.Generator())
    somebody = torch.tensor(bodies)[:, None] > torch.arange(2)
    present = batch.present & somebody[:, :, None]
    return replace(batch, xyz=batch.xyz * present[..., None, None], present=present)


def draws_of(method: MAMP | HACM, batch: ClipBatch) -> Draws:
    return method.sample([batch], torch.Generator().manual_seed(0))


def test_hidden_tokens_are_predicted_as_among_all() -> None:
    method = mamp()
    latent, visible = torch.rand(3, 10, 16), torch.rand(3, 100).argsort(dim=1)[:, :10]
    wanted = torch.rand(3, 100).argsort(dim=1)[:, :40]
    expected = take_tokens(method.decoder(latent, visible), wanted)
    torch.testing.assert_close(method.decoder(latent, visible, wanted), expected)


@pytest.mark.parametrize("mask_ratio", [0.1, 0.5, 0.9])
def test_artefacts_cover_the_grid(mask_ratio: float) -> None:
    method, batch = mamp(mask_ratio=mask_ratio), batch_of(2, 1)
    output = method.step([batch], draws_of(method, batch), START)
    masked = output.artefacts["masked"].bool()
    assert (~masked).sum(dim=1).tolist() == [method.num_visible] * 4
    assert not masked.gather(1, output.artefacts["visible"]).any()
    prediction, target = output.artefacts["prediction"], output.artefacts["target"]
    assert prediction.shape == target.shape == (4, 100, 12)
    assert ((prediction != 0).any(dim=2) == masked).all()
    torch.testing.assert_close((prediction - target)[masked].square().mean(), output.loss.detach())


@both
def test_bodies_are_skipped_if_asked(build: Callable[..., MAMP | HACM]) -> None:
    """As if the batch were the bodies that are there, and nothing else."""
    plain, skipping, batch = build(), build(bodies="real"), batch_of(2, 1, 1)
    draws = draws_of(plain, batch)
    output = skipping.step([batch], draws, START)
    assert len(output.artefacts["masked"]) == 4
    there = batch.present.any(dim=2)
    alone = replace(batch, xyz=batch.xyz[there][:, None], present=batch.present[there][:, None])
    expected = plain.step([alone], {name: draw[there.flatten()] for name, draw in draws.items()}, START)
    torch.testing.assert_close(output.loss, expected.loss)
    assert not torch.isclose(output.loss, plain.step([batch], draws, START).loss)
    output.loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in skipping.parameters() if p.requires_grad)


@both
def test_nobody_is_skipped_in_evaluation_or_where_nobody_is_there(build: Callable[..., MAMP | HACM]) -> None:
    plain, skipping = build(), build(bodies="real")
    for batch, training in ((batch_of(2, 1), False), (batch_of(0, 0), True)):
        draws = draws_of(plain, batch)
        ours, expected = (method.train(training).step([batch], draws, START) for method in (skipping, plain))
        assert torch.equal(ours.loss, expected.loss)
        assert ours.loss.isfinite()
        assert len(ours.artefacts["masked"]) == 4


def test_sampled_bodies_have_the_loss_of_all_on_average() -> None:
    plain, sampling, batch = mamp(), mamp(bodies="sampled", absent_share=0.5), batch_of(2, 1, 1)
    draws = sampling.sample([batch], torch.Generator())
    assert draws.keys() == {"mask", "absent"}
    losses = []
    for both_absent in (0.25, 0.75):
        output = sampling.step([batch], {**draws, "absent": torch.full((6,), both_absent)}, START)
        losses.append(output.loss)
    assert len(output.artefacts["masked"]) == 4
    expected = plain.step([batch], draws, START).loss
    torch.testing.assert_close(torch.stack(losses).mean(), expected)
    torch.testing.assert_close(sampling.eval().step([batch], draws, START).loss, expected)


def test_a_decoder_of_several_blocks_runs_its_hidden_tokens_once() -> None:
    """The same predictions and gradients as block by block."""
    decoder = mamp(decoder_depth=3).decoder.double()
    latent, where = torch.randn(4, 3, 16, dtype=torch.float64), torch.rand(4, 100).argsort(dim=1)[:, :3]
    results = []
    for forward in (decoder.forward, partial(TokenDecoder.forward, decoder)):
        decoder.zero_grad()
        prediction = forward(latent, where)
        prediction.square().sum().backward()
        results.append([prediction, *(parameter.grad for parameter in decoder.parameters())])
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-9)
