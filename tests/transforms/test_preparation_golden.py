"""Preparation of contrastive methods, from raw arrays through a store, against their code (spec-contrastive §1.2)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.recipes.contrastive_views import contrastive_preparation
from kineme.store import SkeletonStore
from kineme.transforms import Augmentation, eval_pipeline, train_pipeline

pytestmark = pytest.mark.golden
GENERATOR = torch.Generator()


@pytest.fixture(params=golden_cases("contrastive/10_preprocess_ntu*.npz"))
def golden(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    path: Path = request.param
    return load_npz(path)


def raw_clips(golden: dict[str, np.ndarray], hide_empty: bool) -> list[np.ndarray]:
    """(M, T, V, C) clips; a body-frame of zeros stays as in the field's files, or is absent."""
    count = len(golden["in/length"])
    clips = [golden[f"in/raw{i}"].transpose(3, 1, 2, 0).copy() for i in range(count)]
    if hide_empty:
        for clip in clips:
            clip[~clip.any(axis=(2, 3))] = np.nan
    return clips


@pytest.mark.parametrize("hide_empty", [False, True], ids=["zeros", "absent"])
@pytest.mark.parametrize("training", [False, True], ids=["test", "train"])
def test_preparation(golden: dict[str, np.ndarray], hide_empty: bool, training: bool) -> None:
    store = SkeletonStore.from_arrays(raw_clips(golden, hide_empty), "kinect25")
    windows = {int(key.split("/")[1][1:]) for key in golden if key.startswith("out/T")}
    assert windows
    for window in windows:
        prepare = contrastive_preparation().with_changes(window=window)
        whole = Augmentation(keep=(1.0, 1.0), rotation=(0, 0, 0))
        pipeline = train_pipeline(prepare, whole) if training else eval_pipeline(prepare)
        # The whole store at once: every clip must come out right among clips of other lengths.
        ours = pipeline(store.gather(range(len(store))), GENERATOR).xyz.permute(0, 4, 2, 3, 1)
        for i, clip in enumerate(ours):
            np.testing.assert_allclose(clip, golden[f"out/T{window}/position{i}"], rtol=0, atol=2e-5)


def test_frames_beyond_the_last_seen_one_are_left_out(golden: dict[str, np.ndarray]) -> None:
    """As the field stores clips: padded to 300 frames."""
    clips = raw_clips(golden, hide_empty=True)
    padded = [
        np.pad(clip, ((0, 0), (0, 300 - clip.shape[1]), (0, 0), (0, 0)), constant_values=np.nan) for clip in clips
    ]
    pipeline = eval_pipeline(contrastive_preparation())
    ours, same = (
        pipeline(SkeletonStore.from_arrays(arrays, "kinect25").gather(range(len(arrays))), GENERATOR)
        for arrays in (clips, padded)
    )
    assert torch.equal(ours.xyz, same.xyz)
    assert torch.equal(ours.present, same.present)
