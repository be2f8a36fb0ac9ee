"""Names and shapes of the authors' checkpoints."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import MAMP_NAMING, Naming, from_official, official_name, our_name, tokeniser_matrix
from kineme.infer.official_hacm import HACM_NAMING
from kineme.layout import Layout
from kineme.methods.mamp import MAMP, MAMPConfig
from kineme.nn.tokens import to_segments
from official_files import ENCODERS, official_state, small_config, small_networks


@pytest.mark.parametrize("path", golden_cases("masked/mae*.npz") + golden_cases("masked/mamp_*.npz"))
def test_every_official_weight_has_one_place(path: Path) -> None:
    arrays = load_npz(path)
    official = {key[2:]: torch.from_numpy(value) for key, value in arrays.items() if key.startswith("w/")}
    ours = from_official(official)
    assert len(ours) == len(official)
    sizes = {key[4:]: value.item() for key, value in arrays.items() if key.startswith("cfg/")}
    encoder = SkeletonTransformer(
        SkeletonTransformerConfig(
            width=sizes["dim_feat"],
            depth=sizes["depth"],
            heads=sizes["num_heads"],
            mlp_ratio=sizes["mlp_ratio"],
            segment=sizes["t_patch_size"],
        ),
        Layout.get("kinect25"),
        window=sizes["num_frames"],
    )
    config = MAMPConfig(
        mask_ratio=sizes["mask_ratio"],
        decoder_width=sizes["decoder_dim_feat"],
        decoder_depth=sizes["decoder_depth"],
        decoder_heads=sizes["num_heads"],
    )
    expected = MAMP(config, encoder).state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == {
        name: tuple(value.shape) for name, value in expected.items()
    }


@pytest.mark.parametrize("path", golden_cases("masked/clf_*.npz"))
def test_classifiers_are_encoders_with_a_head(path: Path) -> None:
    names = [our_name(key[2:]) for key in load_npz(path) if key.startswith("w/")]
    assert len(set(names)) == len(names)
    assert all(name.startswith(("encoder.", "head.")) for name in names)


@pytest.mark.parametrize("method", ENCODERS)
def test_names_translate_both_ways(method: str) -> None:
    networks = small_networks(small_config(method))
    naming: Naming = HACM_NAMING if method == "hacm" else MAMP_NAMING
    official = [name for name in official_state(networks) if not naming.is_dead(name)]
    ours = list(networks.state_dict())
    assert sorted(map(naming.ours, official)) == sorted(ours)
    assert sorted(map(naming.official, ours)) == sorted(official)


@pytest.mark.parametrize("method", ["mae", "mamp", "stjd_mp"])
def test_only_hacm_has_dead_weights(method: str) -> None:
    assert not any(map(MAMP_NAMING.is_dead, official_state(small_networks(small_config(method)))))
    assert sum(map(HACM_NAMING.is_dead, official_state(small_networks(small_config("hacm"))))) == 12


def test_tokeniser_matrix_is_the_convolution() -> None:
    kernel, x = torch.rand(6, 3, 4, 1), torch.rand(2, 8, 5, 3)
    convolved = F.conv2d(x.permute(0, 3, 1, 2), kernel, stride=(4, 1))
    ours = F.linear(to_segments(x, 4), tokeniser_matrix(kernel))
    torch.testing.assert_close(ours.view(2, 2, 5, 6), convolved.permute(0, 2, 3, 1))


def test_foreign_names_stay() -> None:
    assert our_name("head.fc.weight") == "head.fc.weight" == official_name("head.fc.weight")
    assert our_name("decoder_blocks.0.norm1.weight") == "decoder.blocks.0.norm1.weight"
