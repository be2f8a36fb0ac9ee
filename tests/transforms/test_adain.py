"""Skeleton AdaIN against the authors' code, and what it exchanges."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.adain import SkeletonAdaIN, Stream, partner_shift, partners
from kineme.transforms.bones import root_joint
from kineme.transforms.streams import Bone
from ragged import ragged_store

STREAMS = get_args(Stream)


def clips_of(count: int, layout: str = "kinect25", seed: int = 0) -> ClipBatch:
    return ragged_store(seed, [(2, 12)] * count, layout, absent=0.0).gather(range(count)).pad()


def lengths(bones: Tensor) -> Tensor:
    return bones.norm(dim=-1)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("path", golden_cases("contrastive/07_actclr_ops*.npz"))
def test_matches_the_authors(path: Path, stream: Stream) -> None:
    arrays = load_npz(path)
    xyz = torch.from_numpy(arrays["in/x"]).permute(0, 4, 2, 3, 1).double()
    zero = torch.zeros(len(xyz), dtype=torch.int64)
    clips = ClipBatch(xyz, torch.ones(xyz.shape[:3], dtype=torch.bool), zero, zero, zero, Layout.get("kinect25"))
    shift = torch.from_numpy(arrays[f"in/draw/adain_{stream}/shift"]).squeeze()
    ours = SkeletonAdaIN(stream).apply(clips, {"shift": shift}).xyz.permute(0, 4, 2, 3, 1)
    np.testing.assert_allclose(ours.numpy(), arrays[f"out/adain_{stream}/result"], 1e-9, 1e-9)


@pytest.mark.parametrize("layout", Layout.names())
def test_bones_have_the_partner_s_lengths_and_their_own_directions(layout: str) -> None:
    clips = clips_of(4, layout)
    styled = SkeletonAdaIN().apply(clips, {"shift": torch.tensor(1)})
    before, after = (Bone().apply(each, {}).xyz for each in (clips, styled))
    torch.testing.assert_close(lengths(after), lengths(before.roll(-1, 0)), rtol=1e-2, atol=1e-2)
    alike = torch.cosine_similarity(before, after, dim=-1)
    assert (alike[lengths(before) > 0.1] > 0.999).all()
    root = root_joint(clips.layout)
    torch.testing.assert_close(styled.xyz[..., root, :], clips.xyz[..., root, :])


def test_vectors_have_the_partner_s_lengths() -> None:
    clips = clips_of(4)
    styled = SkeletonAdaIN("bone").apply(clips, {"shift": torch.tensor(2)})
    torch.testing.assert_close(lengths(styled.xyz), lengths(clips.xyz.roll(-2, 0)), rtol=1e-3, atol=1e-3)


def test_motion_has_the_partner_s_spread() -> None:
    clips = clips_of(4)
    styled = SkeletonAdaIN("motion").apply(clips, {"shift": torch.tensor(1)})
    expected = clips.xyz.roll(-1, 0)
    # The partner's mean over joints, which varies from frame to frame, adds to the spread.
    inner = styled.xyz - expected.mean(3, keepdim=True)
    own = clips.xyz - clips.xyz.mean(3, keepdim=True)
    factor = expected.std(2, keepdim=True) / (clips.xyz.std(2, keepdim=True) + 1e-3)
    torch.testing.assert_close(inner, own * factor, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stream", STREAMS)
def test_clips_stay_as_they_are(stream: Stream) -> None:
    clips = clips_of(3)
    before = clips.xyz.clone()
    adain = SkeletonAdaIN(stream)
    adain(clips, torch.Generator().manual_seed(0))
    assert torch.equal(clips.xyz, before)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_partners_are_others(count: int) -> None:
    clips, generator = clips_of(count), torch.Generator().manual_seed(0)
    shifts = {int(partner_shift(clips, generator)) for _ in range(60)}
    assert shifts == (set(range(1, count - 1)) if count > 2 else {1})
    for shift in shifts:
        partner = partners(count, torch.tensor(shift))
        assert partner.unique().numel() == count
        assert count == 1 or (partner != torch.arange(count)).all()
