"""The road from a store to a model against arrays made by the field's feeder (spec-masked §1.4)."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.transforms import CentreCrop, Preparation, RandomCrop, RandomRotation, crop_length, eval_pipeline
from kineme.transforms.augment import rotation_matrix

pytestmark = pytest.mark.golden
GENERATOR = torch.Generator()
MIN_FRAMES = 64


@pytest.fixture(params=golden_cases("masked/feeder.npz"))
def golden(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    path: Path = request.param
    return load_npz(path)


@pytest.fixture(params=[False, True], ids=["zeros", "absent"])
def store(golden: dict[str, np.ndarray], request: pytest.FixtureRequest) -> SkeletonStore:
    """Raw clips without their padding; an empty second body is zeros, as in the field's files, or absent."""
    clips = golden["in/raw"].transpose(0, 4, 2, 3, 1)
    return store_of(clips, golden["in/valid_length"], hide_empty=request.param)


def store_of(
    clips: np.ndarray, valid: np.ndarray, labels: list[int] | None = None, hide_empty: bool = False
) -> SkeletonStore:
    """Store of the first valid frames of padded clips (n, M, T, V, C)."""
    trimmed = [clip[:, :length].copy() for clip, length in zip(clips, valid, strict=True)]
    if hide_empty:
        for clip in trimmed:
            clip[~clip.any(axis=(2, 3))] = np.nan
    return SkeletonStore.from_arrays(trimmed, "kinect25", labels=labels)


def field_order(batch: ClipBatch) -> np.ndarray:
    """(B, C, T, V, M) as the field's loader delivers."""
    return batch.xyz.permute(0, 4, 2, 3, 1).numpy()


def check(ours: np.ndarray | torch.Tensor, expected: np.ndarray, key: str) -> None:
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5, err_msg=key)


def test_centre_crops(golden: dict[str, np.ndarray], store: SkeletonStore) -> None:
    keys = [key for key in golden if key.startswith("out/center_")]
    assert keys
    for key in keys:
        found = re.fullmatch(r"out/center_p(\d+)(?:_win(\d+))?_(\d+)", key)
        assert found, key
        window = int(found[2] or golden["cfg/window"])
        crop = CentreCrop(window, 2, keep=int(found[1]) / 100)
        # The whole store at once: every clip must come out right among clips of other lengths.
        batch = crop(store.gather(range(len(store))), GENERATOR)
        check(field_order(batch)[int(found[3])], golden[key], key)


def test_random_crops(golden: dict[str, np.ndarray], store: SkeletonStore) -> None:
    numbers = [int(key.split("_")[-1]) for key in golden if key.startswith("rng/randcrop_u_")]
    uniform, start, length = (
        torch.tensor([golden[f"{name}_{i}"].item() for i in numbers])
        for name in ("rng/randcrop_u", "rng/randcrop_start", "out/randcrop_length")
    )
    clips = store.gather(numbers)
    assert torch.equal(crop_length(clips.length, 0.5 + 0.5 * uniform, MIN_FRAMES), length)
    crop = RandomCrop(int(golden["cfg/window"]), 2, keep=(0.5, 1.0), min_frames=MIN_FRAMES)
    batch = crop.apply(clips, {"start": start, "length": length})
    for i, ours in zip(numbers, field_order(batch), strict=True):
        check(ours, golden[f"out/randcrop_{i}"], f"out/randcrop_{i}")


def test_rotations(golden: dict[str, np.ndarray]) -> None:
    numbers = [key.split("_")[-1] for key in golden if re.fullmatch(r"rng/angles_\d+", key)]
    assert numbers
    for j in numbers:
        expected = golden[f"out/rotated_{j}"]
        source = torch.from_numpy(golden["out/center_p100_0"][:, : expected.shape[1]])
        one = torch.zeros(1, dtype=torch.int64)
        xyz = source.permute(3, 1, 2, 0)[None]
        batch = ClipBatch(xyz, torch.ones(xyz.shape[:3], dtype=torch.bool), one, one, one, Layout.get("kinect25"))
        draws = {"angles": torch.from_numpy(golden[f"rng/angles_{j}"])[None]}
        check(field_order(RandomRotation().apply(batch, draws))[0], expected, f"out/rotated_{j}")


def test_rotation_matrices(golden: dict[str, np.ndarray]) -> None:
    keys = [key for key in golden if key.startswith("rng/angles_")]
    matrices = rotation_matrix(torch.from_numpy(np.stack([golden[key] for key in keys])))
    for key, ours in zip(keys, matrices, strict=True):
        check(ours, golden[key.replace("rng/angles", "out/rotmat")], key)


@pytest.mark.parametrize("stream", ["joint", "bone", "motion", "bone_motion"])
def test_whole_feeder(golden: dict[str, np.ndarray], stream: str) -> None:
    flat = golden["in/flat_train"]
    valid = (flat.sum(axis=2) != 0).sum(axis=1)
    np.testing.assert_array_equal(valid, golden["out/feeder_valid"])
    clips = flat.reshape(*flat.shape[:2], 2, -1, 3).transpose(0, 2, 1, 3, 4)
    store = store_of(clips, valid, golden["in/onehot_train"].argmax(axis=1).tolist())
    window = int(golden["cfg/window"])
    prepare = Preparation.parse({"window": window, "bodies": 2, "centre": False, "stream": stream})
    batch = eval_pipeline(prepare)(store.gather(range(len(store))), GENERATOR)
    np.testing.assert_array_equal(batch.label.numpy(), golden["out/feeder_labels"])
    keys = [key for key in golden if re.fullmatch(rf"out/feeder_{stream}_\d+", key)]
    assert keys
    for key in keys:
        check(field_order(batch)[int(key.split("_")[-1])], golden[key], key)
