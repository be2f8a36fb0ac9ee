"""The skeleton transformer beyond what golden files prove."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from unittest.mock import patch

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.nn.transformer import DropPath
from kineme.transforms import CentreCrop
from ragged import ragged_store

CONFIG = SkeletonTransformerConfig(width=16, depth=3, heads=2, segment=4, drop_path=0.2)
CLIPS = ragged_store(0, [(2, 30), (1, 9)]).gather([0, 1])


def encoder(window: int = 16, layout: str = "kinect20") -> SkeletonTransformer:
    return SkeletonTransformer(CONFIG, Layout.get(layout), window).eval()


def test_bodies_are_sequences_of_their_own() -> None:
    batch = CentreCrop(16, 2)(CLIPS, torch.Generator())
    network = encoder()
    features = network.features(batch)
    assert features.shape == (2, 2, 4, 20, 16)
    swapped = network.features(batch.with_xyz(batch.xyz.flip(1)))
    torch.testing.assert_close(swapped, features.flip(1))


def test_hidden_tokens_are_never_embedded() -> None:
    network = encoder()
    segments = network.segments(CentreCrop(16, 2)(CLIPS, torch.Generator()))
    visible = torch.stack([torch.randperm(80)[:7] for _ in range(4)])
    everything = network.embed(segments)
    some = network.embed(segments, visible)
    torch.testing.assert_close(some, everything.gather(1, visible[..., None].expand(-1, -1, 16)))


def bodies_run(network: SkeletonTransformer, batch: ClipBatch) -> tuple[torch.Tensor, int]:
    """Features, and how many bodies were computed for them."""
    with patch.object(network, "encode", wraps=network.encode) as encode:
        features = network.features(batch)
    return features, len(encode.call_args.args[0])


def test_absent_bodies_and_copies_are_computed_once_in_evaluation() -> None:
    network = SkeletonTransformer(CONFIG.with_changes(drop_path=0), Layout.get("kinect20"), 16)
    batch = CentreCrop(16, 2)(ragged_store(0, [(2, 30), (1, 9), (1, 12), (1, 20)]).gather(range(4)), torch.Generator())
    xyz = batch.xyz.clone()
    xyz[3, 1] = xyz[3, 0]
    batch = batch.with_xyz(xyz)
    every, in_training = bodies_run(network.train(), batch)
    features, in_evaluation = bodies_run(network.eval(), batch)
    assert (in_training, in_evaluation) == (8, 6)
    torch.testing.assert_close(features, every)
    absent = features[1:3, 1]
    assert torch.equal(absent[0], absent[1])


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_an_absent_body_is_not_computed_again_for_the_next_batch(
    context: Callable[[], AbstractContextManager[None]],
) -> None:
    network, batch = encoder(), CentreCrop(16, 2)(CLIPS, torch.Generator())
    expected = network.features(batch)
    with context():
        network.features(batch)
        features, computed = bodies_run(network, batch)
    assert computed == 3
    torch.testing.assert_close(features, expected)
    torch.testing.assert_close(network.features(batch), expected)
    assert network.state_dict().keys() == encoder().state_dict().keys()


def test_an_absent_body_is_computed_again_with_other_weights() -> None:
    network, batch = encoder(), CentreCrop(16, 2)(CLIPS, torch.Generator())
    with torch.inference_mode():
        network.features(batch)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    network.features(batch).sum().backward()
    optimizer.step()
    other = deepcopy(network)
    other.load_state_dict(encoder().state_dict())
    for changed in (network, other, network.double()):
        clips = batch.with_xyz(batch.xyz.to(changed.positions.time.dtype))
        with torch.no_grad():
            features = changed.features(clips)
        torch.testing.assert_close(features, changed.features(clips))


def test_only_absent_bodies() -> None:
    network, batch = encoder(), CentreCrop(16, 2)(CLIPS, torch.Generator())
    nobody = batch.with_xyz(torch.zeros_like(batch.xyz))
    with torch.no_grad():
        features = network.features(nobody)
    torch.testing.assert_close(features, network.features(nobody))


def test_drop_path_grows_with_depth() -> None:
    rates = [layer.rate for layer in encoder().modules() if isinstance(layer, DropPath)]
    assert rates == pytest.approx([0, 0.1, 0.2])


@pytest.mark.parametrize(
    ("settings", "window", "message"),
    [
        ({}, 18, "window 18 is not a multiple of encoder.segment 4"),
        ({"heads": 3}, 16, "width 16 is not a multiple of encoder.heads 3"),
    ],
)
def test_sizes_that_do_not_fit(settings: dict[str, int], window: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SkeletonTransformer(CONFIG.with_changes(**settings), Layout.get("kinect20"), window)


def test_other_data_is_refused_in_words() -> None:
    batch = CentreCrop(16, 2)(CLIPS, torch.Generator())
    with pytest.raises(LayoutMismatchError, match=r"reads 32 frames of 25 joints \(kinect25\).*has 16 frames of 20"):
        encoder(window=32, layout="kinect25").features(batch)
