"""The pose seen from the body: any layout, any turn."""

import numpy as np
import pytest
import torch

from kineme.clips import rotate
from kineme.errors import LayoutError
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.transforms import Preparation, eval_pipeline
from kineme.transforms.align import Align, spine
from kineme.transforms.augment import rotation_matrix
from ragged import ragged_arrays, ragged_store

SPATIAL = [name for name in Layout.names() if Layout.get(name).unit == "m"]


@pytest.mark.parametrize("name", SPATIAL)
def test_axes_of_the_first_frame(name: str) -> None:
    layout = Layout.get(name)
    clips = Align().apply(ragged_store(0, [(1, 5), (2, 9)], name).gather([0, 1]), {})
    first = clips.pad().xyz[:, 0, 0]
    (lower, upper), (left, right) = spine(layout), layout.indices(layout.across)
    begin, end = first[:, lower].mean(dim=1), first[:, upper].mean(dim=1)
    torch.testing.assert_close(begin, torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(end[:, :2], torch.zeros(2, 2), atol=1e-5, rtol=0)
    assert (end[:, 2] > 0).all()
    breadth = first[:, left] - first[:, right]
    torch.testing.assert_close(breadth[:, 1], torch.zeros(2), atol=1e-5, rtol=0)
    assert (breadth[:, 0] > 0).all()
    assert clips.pose.rotation is not None
    torch.testing.assert_close(torch.linalg.det(clips.pose.rotation), torch.ones(2))


def test_the_spine_of_a_layout() -> None:
    kinect, phone = Layout.get("kinect25"), Layout.get("mediapipe33")
    assert spine(kinect) == ([kinect.index("spine_base")], [kinect.index("spine_mid")])
    assert spine(phone) == (phone.indices(("left_hip", "right_hip")), [phone.index("nose")])


def test_camera_does_not_matter() -> None:
    arrays = ragged_arrays(0, [(2, 30), (1, 4)])
    turn = rotation_matrix(torch.tensor([[0.4, -1.0, 2.5]]))
    turned = [rotate(torch.from_numpy(array)[None], turn)[0].numpy() + np.float32(0.5) for array in arrays]
    prepare = Preparation(window=8, bodies=2, align=True)
    first, second = (
        eval_pipeline(prepare)(SkeletonStore.from_arrays(clips, "kinect20").gather([0, 1]), torch.Generator()).xyz
        for clips in (arrays, turned)
    )
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


def test_a_body_without_breadth_is_not_turned() -> None:
    clip = np.ones((3, 20, 3), np.float32)
    batch = Align().apply(SkeletonStore.from_arrays([clip], "kinect20").gather([0]), {}).pad()
    assert not batch.xyz.any()


def test_flat_poses_cannot_be_aligned() -> None:
    clips = ragged_store(0, [(1, 5)], "coco17", channels=2).gather([0])
    with pytest.raises(LayoutError, match=r"--prepare\.no-align"):
        Align().apply(clips, {})
