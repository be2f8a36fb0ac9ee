"""AgRNet's preparation against the authors' code (spec-agrnet §3.2, §3.3), every clip among clips of other lengths."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import RaggedClips
from kineme.layout import Layout
from kineme.transforms import Augmentation, Preparation, eval_pipeline, train_pipeline
from kineme.transforms.minmax import MinMax


@pytest.fixture(params=golden_cases("agrnet/preprocess*.npz"))
def golden(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    path: Path = request.param
    return load_npz(path)


def clips_of(golden: dict[str, np.ndarray]) -> RaggedClips:
    """The raw sequences as one batch, in float64."""
    layout = Layout.get("kinect25")
    sequences = [torch.from_numpy(golden[f"in/seq{i}"]) for i in range(int(golden["in/n"]))]
    xyz = torch.cat(sequences).double().view(-1, layout.num_joints, 3)
    length = torch.tensor([len(sequence) for sequence in sequences])
    index = torch.arange(len(length))
    present = torch.ones(len(xyz), dtype=torch.bool)
    start = length.cumsum(0) - length
    return RaggedClips(xyz, present, start, length, torch.ones_like(length), index, index, layout)


def test_scaling(golden: dict[str, np.ndarray]) -> None:
    ours = MinMax(1).apply(clips_of(golden), {}).pad()
    for i, length in enumerate(ours.length):
        np.testing.assert_allclose(ours.xyz[i, 0, :length].flatten(1), golden[f"mid/norm{i}"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("training", [False, True], ids=["test", "train"])
def test_scaling_and_length(golden: dict[str, np.ndarray], training: bool) -> None:
    prepare = Preparation(window=len(golden["out/fixed0"]), bodies=1, scale="minmax", resize="stride")
    still = Augmentation(rotation=(0, 0, 0))
    pipeline = train_pipeline(prepare, still) if training else eval_pipeline(prepare)
    ours = pipeline(clips_of(golden), torch.Generator())
    np.testing.assert_array_equal(ours.length, golden["out/seq_len"])
    np.testing.assert_array_equal(ours.present.sum(dim=(1, 2)), golden["out/seq_len"])
    for i, clip in enumerate(ours.xyz):
        np.testing.assert_allclose(clip[0].flatten(1), golden[f"out/fixed{i}"], rtol=1e-9, atol=1e-9)
