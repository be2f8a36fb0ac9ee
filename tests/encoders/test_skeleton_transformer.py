"""The skeleton transformer beyond what golden files prove."""

import pytest
import torch

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
