"""Attention that joints receive: what every encoder must give, and what those of the masked family do."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders import Encoder, encoders
from kineme.encoders.ball_transformer import BallTransformer
from kineme.encoders.base import EncoderConfig
from kineme.encoders.token_encoder import TokenEncoder
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.nn.transformer import Attention
from kineme.transforms import CentreCrop
from ragged import ragged_store
from small import small

EXTENTS = [(1, 40), (2, 30), (1, 9), (2, 16)]
each = pytest.mark.parametrize("name", encoders.names())


def built(name: str, layout: str = "kinect20") -> Encoder:
    kind = encoders.get(name)
    config = small(kind.Config(name=name))
    assert isinstance(config, EncoderConfig)
    torch.manual_seed(0)
    return kind(config, Layout.get(layout), 16, 3).eval()


def batch_of(order: tuple[int, ...] = (0, 1, 2, 3), layout: str = "kinect20") -> ClipBatch:
    return CentreCrop(16, 2)(ragged_store(0, EXTENTS, layout).gather(order), torch.Generator())


@torch.no_grad()
def relevance_of(name: str, batch: ClipBatch) -> Tensor:
    """Of an encoder that has attention; otherwise its refusal is checked."""
    encoder = built(name, batch.layout.name)
    if type(encoder).relevance is Encoder.relevance:
        with pytest.raises(ConfigError, match=r"encoders that have: .*skeleton_transformer"):
            encoder.relevance(batch)
        pytest.skip(f"{name} has no attention")
    return encoder.relevance(batch)


@each
@pytest.mark.parametrize("layout", ["kinect20", "kinect25"])
def test_from_0_to_1_for_every_joint_of_present_bodies(name: str, layout: str) -> None:
    batch = batch_of(layout=layout)
    relevance = relevance_of(name, batch)
    assert relevance.shape[:2] == batch.xyz.shape[:2]
    assert relevance.shape[3] == batch.layout.num_joints
    assert relevance.min() >= 0
    seen = batch.present.any(dim=2)
    assert 4 < seen.sum() < seen.numel()
    most = relevance.amax(dim=-1)
    torch.testing.assert_close(most[seen], torch.ones_like(most[seen]))
    assert not relevance[~seen].any()


@each
def test_clips_are_judged_by_themselves(name: str) -> None:
    order = (2, 3, 0, 1)
    torch.testing.assert_close(relevance_of(name, batch_of(order)), relevance_of(name, batch_of())[list(order)])


@each
def test_joints_differ(name: str) -> None:
    """At chance weights already, but by little."""
    assert relevance_of(name, batch_of())[0, 0].std(dim=-1).min() > 1e-4


@pytest.mark.parametrize("name", ["ball_transformer", "skeleton_transformer"])
def test_the_last_block_decides(name: str) -> None:
    """Weights of softmax, written out for what the last layer of attention is given."""
    encoder, batch = built(name), batch_of()
    assert isinstance(encoder, TokenEncoder)
    attention = encoder.blocks[-1].get_submodule("attn")
    assert isinstance(attention, Attention)
    with patch.object(Attention, "weights", autospec=True, side_effect=Attention.weights) as weights, torch.no_grad():
        relevance = encoder.relevance(batch)
        (asked, tokens), _ = weights.call_args
        assert asked is attention
        q, k, v = attention.heads_of(tokens)
        given = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
        torch.testing.assert_close(attention.proj((given @ v).transpose(1, 2).flatten(2)), attention(tokens))
    received = given.mean(dim=1).mean(dim=1).view(-1, encoder.slots, encoder.joints)
    expected = received[0] / received[0].amax(dim=-1, keepdim=True)
    kept = encoder.kept if isinstance(encoder, BallTransformer) else torch.arange(20)
    torch.testing.assert_close(relevance[0, 0][:, kept], expected)


def test_joints_without_tokens_receive_nothing() -> None:
    encoder, relevance = built("ball_transformer"), relevance_of("ball_transformer", batch_of())
    assert isinstance(encoder, BallTransformer)
    assert not relevance[..., encoder.pruned].any()
    assert np.all(relevance[0, 0][:, encoder.kept].numpy() > 0)
