"""Augmentations of the contrastive family against arrays made by their code, draws injected (spec-contrastive §2)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms import (
    AxisMask,
    Bone,
    BoneRescale,
    CropReflect,
    GaussianBlur,
    GaussianNoise,
    MainRotation,
    Motion,
    PointDropout,
    Shear,
    Stretch,
    Swap,
    TemporalFlip,
    Transform,
)
from kineme.transforms.base import Draws

pytestmark = pytest.mark.golden
Golden = dict[str, np.ndarray]
WALK = [20, 1, 2, 8, 4, 0, 3, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 21, 24, 23]
"""Order in which the authors' code visits joints when it rescales bones, and in which their draws are listed."""


@pytest.fixture(params=golden_cases("contrastive/09_augmentations*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    path: Path = request.param
    return load_npz(path)


def our_order(array: np.ndarray) -> Tensor:
    """(1, M, T, V, C) of a clip in the field's (C, T, V, M)."""
    return torch.from_numpy(array.transpose(3, 1, 2, 0).copy())[None]


def as_batch(xyz: Tensor) -> ClipBatch:
    """Batch of present bodies on the kinect25 layout."""
    B, M, T = xyz.shape[:3]
    zero = torch.zeros(B, dtype=torch.int64)
    present = torch.ones((B, M, T), dtype=torch.bool)
    return ClipBatch(xyz, present, zero + T, zero, zero, Layout.get("kinect25"))


def in_joint_order(listed: np.ndarray) -> Tensor:
    """(1, V) draws by joint of draws in the order of the walk."""
    by_joint = torch.zeros(1, len(listed), dtype=torch.float64)
    by_joint[0, WALK] = torch.from_numpy(listed)
    return by_joint


CASES: dict[str, tuple[Transform[ClipBatch, ClipBatch], Callable[[Golden], Draws]]] = {
    "crop": (
        CropReflect(6),
        lambda g: {"start": torch.tensor([int(g["in/draw/crop/start"]) - int(g["in/draw/crop/pad"])])},
    ),
    "shear": (Shear(), lambda g: {"matrix": torch.from_numpy(g["in/draw/shear/R"])[None]}),
    "shear_keep_root": (
        Shear(keep_root=True),
        lambda g: {"matrix": torch.from_numpy(g["in/draw/shear_keep_root/R"])[None]},
    ),
    "spatial_flip": (Swap(), lambda g: {"swapped": torch.tensor([True])}),
    "time_flip": (TemporalFlip(), lambda g: {"reversed": torch.tensor([True])}),
    "gauss_noise": (GaussianNoise(), lambda g: {"noise": our_order(g["in/draw/gauss_noise/noise"])}),
    "gauss_blur": (GaussianBlur(), lambda g: {"sigma": torch.from_numpy(g["in/draw/gauss_blur/sigma"])[None]}),
    "axis_mask": (AxisMask(), lambda g: {"axis": torch.from_numpy(g["in/draw/axis_mask/axis"])[None]}),
    "bone_rescale": (
        BoneRescale(),
        lambda g: {"factor": in_joint_order(g["in/draw/bone_rescale/scale"] * g["in/draw/bone_rescale/u"])},
    ),
    "point_dropout": (PointDropout(), lambda g: {"keep": our_order(g["in/draw/point_dropout/keep"])}),
}
for axis in range(3):
    name = f"rotate_main{axis}"
    CASES[name] = (
        MainRotation(),
        lambda g, name=name: {"angles": torch.from_numpy(np.deg2rad(g[f"in/draw/{name}/deg_xyz"]))[None]},
    )
for name in ("interp_shrink", "interp_stretch"):
    CASES[name] = (Stretch(), lambda g, name=name: {"frames": torch.from_numpy(g[f"in/draw/{name}/size"])[None]})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_augmentation(golden: Golden, name: str, dtype: torch.dtype) -> None:
    transform, draws = CASES[name]
    x = golden["in/x_uncentred" if name == "shear_keep_root" else "in/x"]
    ours = transform.apply(as_batch(our_order(x).to(dtype)), draws(golden)).xyz
    # Where their code resamples, the weights of frames are rounded to float32.
    exact = 2e-6 if name.startswith("interp") else 1e-9
    rtol, atol = (1e-4, 1e-5) if dtype == torch.float32 else (0, exact)
    torch.testing.assert_close(ours.double(), our_order(golden[f"out/{name}"]), rtol=rtol, atol=atol)


@pytest.mark.parametrize(("name", "stream"), [("stream_motion", Motion()), ("stream_bone", Bone())])
def test_stream(golden: Golden, name: str, stream: Transform[ClipBatch, ClipBatch]) -> None:
    x, expected = (torch.cat([our_order(clip) for clip in golden[key]]) for key in ("in/batch", f"out/{name}"))
    ours = stream.apply(as_batch(x.double()), {}).xyz
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-9)


def test_nothing_is_left_out(golden: Golden) -> None:
    assert {f"out/{name}" for name in (*CASES, "stream_motion", "stream_bone")} == {
        key for key in golden if key.startswith("out/")
    }


def test_left_and_right(golden: Golden) -> None:
    assert list(Layout.get("kinect25").mirror) == golden["in/draw/spatial_flip/perm"].tolist()


def test_walk_is_one_from_the_root_to_the_leaves() -> None:
    parents = Layout.get("kinect25").gcn_parents
    assert sorted(WALK) == list(range(len(parents)))
    assert all(parents[joint] in WALK[: place + 1] for place, joint in enumerate(WALK))
