"""Supervised training: what the head sees, and what it refuses."""

import pytest
import torch
from torch.nn import functional as F

from fake import small_store
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.errors import ConfigError
from kineme.methods import Progress
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.nn.heads import JointHead
from kineme.transforms import CentreCrop

STORE = small_store()
START = Progress(step=0, epoch=0.0, epochs=1)


def batch_of(count: int) -> ClipBatch:
    return CentreCrop(16, 1)(STORE.gather(range(count)), torch.Generator())


def classifier(**changes: object) -> Supervised:
    encoder = SkeletonTransformer(SkeletonTransformerConfig(width=8, depth=1, heads=2), STORE.layout, window=16)
    return Supervised(SupervisedConfig.parse({"num_classes": 3, "hidden": 16, **changes}), encoder)


@pytest.mark.parametrize("head", ["joint", "linear", "plain"])
def test_loss_is_smoothed_cross_entropy(head: str) -> None:
    method, batch = classifier(head=head, label_smoothing=0.2).eval(), batch_of(5)
    expected = F.cross_entropy(method.logits(batch), batch.label, label_smoothing=0.2)
    torch.testing.assert_close(method.step([batch], {}, START).loss, expected)


@pytest.mark.parametrize("head", ["joint", "linear"])
def test_it_learns_its_training_clips(head: str) -> None:
    torch.manual_seed(0)
    method, batch = classifier(head=head, dropout=0.0, label_smoothing=0.0).train(), batch_of(12)
    optimizer = torch.optim.AdamW(method.parameters(), lr=0.01)
    for _ in range(100):
        method.step([batch], {}, START).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert (method.eval().logits(batch).argmax(1) == batch.label).float().mean() > 0.9


def test_joint_head_keeps_joints_apart() -> None:
    head = JointHead(joints=3, width=2, hidden=4, num_classes=2).eval()
    features = torch.rand(1, 2, 5, 3, 2)
    torch.testing.assert_close(head.pool(features)[0, 4:], features[0, :, :, 2].mean((0, 1)))
    assert not torch.allclose(head(features), head(features.flip(3)))


def test_dropout_is_of_training_alone() -> None:
    head, features = JointHead(joints=3, width=2, hidden=4, num_classes=2, dropout=0.5), torch.rand(4, 1, 5, 3, 2)
    assert not torch.equal(head.train().pool(features), head.pool(features))
    assert torch.equal(head.eval().pool(features), head.pool(features))


def test_one_clip_has_no_batch_statistics() -> None:
    with pytest.raises(ConfigError, match="one clip is too few"):
        classifier().train().step([batch_of(1)], {}, START)
    assert classifier().eval().step([batch_of(1)], {}, START).loss.isfinite()
