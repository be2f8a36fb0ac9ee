"""DANet: its loss, who counts in the mean, and that it learns."""

import pytest
import torch
from torch.nn import functional as F

from fake import small_store
from kineme.clips import ClipBatch
from kineme.encoders.danet import DANetEncoder, DANetEncoderConfig
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.errors import ConfigError
from kineme.methods import Progress
from kineme.methods.danet import DANet, DANetConfig, mean_of_present
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.transforms import CentreCrop

STORE = small_store()
START = Progress(step=0, epoch=0.0, epochs=1)


def batch_of(clips: range, window: int = 16, bodies: int = 1) -> ClipBatch:
    return CentreCrop(window, bodies)(STORE.gather(clips), torch.Generator())


def network(widths: tuple[int, ...] = (8, 16), window: int = 16, **changes: object) -> DANetEncoder:
    torch.manual_seed(0)
    settings = {"widths": widths, "strides": (1,) * len(widths), "heads": 4, **changes}
    return DANetEncoder(DANetEncoderConfig.parse(settings), STORE.layout, window)


def danet(encoder: DANetEncoder, **changes: object) -> DANet:
    return DANet(DANetConfig.parse({"num_classes": 3, **changes}), encoder)


def test_loss_of_a_pair() -> None:
    method = danet(network(), consistency=0.5, map_consistency=2.0, label_smoothing=0.1)
    a, b = batch_of(range(6)), batch_of(range(6, 12))
    output = method.step([a, b], {}, START)
    pair = method.encoder.pair_features(a, b)
    pooled = [features.mean(dim=(1, 2, 3)) for features in (pair.a, pair.b)]
    each = [F.cross_entropy(method.linear(g), a.label, label_smoothing=0.1) for g in pooled]
    apart = (1 - F.cosine_similarity(pooled[0], pooled[1])).mean()
    first, second = pair.scores[0].softmax(-1)
    expected = (each[0] + each[1]) / 2 + 0.5 * apart + 2 * (first - second).square().mean()
    torch.testing.assert_close(output.loss, expected)
    assert set(output.logs) == {"cross_entropy", "consistency", "map_consistency"}


def test_equal_views_agree() -> None:
    batch = batch_of(range(6))
    output = danet(network(), map_consistency=1.0).step([batch, batch], {}, START)
    assert output.logs["consistency"].abs() < 1e-6
    assert output.logs["map_consistency"] == 0


def test_without_what_pairs_are_for_it_is_supervised_training() -> None:
    batch = batch_of(range(6))
    batch = batch.with_xyz(batch.xyz.double())
    ours = danet(network(cross=False), consistency=0.0).double()
    plain = SupervisedConfig(num_classes=3, head="plain", label_smoothing=0)
    theirs = Supervised(plain, network(cross=False)).double()
    theirs.head.load_state_dict({f"linear.{name}": value for name, value in ours.linear.state_dict().items()})
    losses = [method.step(views, {}, START).loss for method, views in ((ours, [batch, batch]), (theirs, [batch]))]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    for one, other in zip(ours.encoder.parameters(), theirs.encoder.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-7)


def test_an_absent_body_changes_no_logits() -> None:
    method = danet(network()).eval()
    torch.testing.assert_close(method.logits(batch_of(range(6), bodies=2)), method.logits(batch_of(range(6))))


def test_mean_of_those_present() -> None:
    features = torch.rand(3, 2, 4, 5, 6)
    present = torch.tensor([[1, 1], [1, 0], [0, 0]]).bool()[:, :, None].repeat(1, 1, 7)
    present[0, 1, 1:] = False
    expected = torch.stack([features[0].mean((0, 1, 2)), features[1, 0].mean((0, 1)), torch.zeros(6)])
    torch.testing.assert_close(mean_of_present(features, present), expected)


def test_it_overfits_pairs_of_turned_views() -> None:
    torch.manual_seed(0)
    time, label = torch.linspace(0, 6.28, 32), torch.arange(16) % 4
    xyz = torch.randn(1, 1, 1, STORE.layout.num_joints, 3).repeat(16, 1, 32, 1, 1)
    xyz[:, 0, :, :8, 1] += torch.sin((label[:, None] + 1) * time)[..., None]
    xyz += 0.05 * torch.randn_like(xyz)
    clips = torch.arange(16)
    a = ClipBatch(xyz, torch.ones(16, 1, 32, dtype=torch.bool), clips * 0 + 32, clips, label, STORE.layout)
    turn = torch.tensor([[0.7, 0.0, 0.7], [0.0, 1.0, 0.0], [-0.7, 0.0, 0.7]])
    b = a.with_xyz(xyz @ turn)
    method = danet(network((16, 16, 32, 32), window=32, strides=(2, 1, 2, 1)), num_classes=4)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    losses = []
    while len(losses) < 200 and (not losses or losses[-1] > 0.05):
        output = method.step([a, b], {}, START)
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(output.loss.item())
    assert losses[-1] <= 0.05
    with torch.no_grad():
        logits = method.step([a, b], {}, START).artefacts["logits"]
    assert (logits.argmax(dim=1) == label).all()


def test_what_it_cannot_train() -> None:
    other = SkeletonTransformer(SkeletonTransformerConfig(width=8, depth=1, heads=2), STORE.layout, window=16)
    with pytest.raises(ConfigError, match="an encoder called danet, not in SkeletonTransformer"):
        DANet(DANetConfig(), other)
    with pytest.raises(ConfigError, match=r"switch encoder\.cross on"):
        danet(network(cross=False), map_consistency=1.0)
