from pathlib import Path

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from kineme.datasets import datasets
from kineme.datasets.ntu_format import parse_skeleton
from kineme.datasets.ntu_stgcn import MAX_FRAMES, first_bodies
from kineme.errors import SourceError
from raw import read_one
from skeleton_text import skeleton_text, walker


def people(text: str) -> tuple[np.ndarray, np.ndarray]:
    return first_bodies(parse_skeleton(Path("a.skeleton"), text.encode(), 25))


@pytest.mark.parametrize("file", golden_cases("dataprep/ntu*/aimclr_xsub.npz"))
def test_clips_equal_the_script_straight_from_the_archive(file: Path) -> None:
    golden, dataset = load_npz(file), datasets.get(file.parent.name)("stgcn")
    sources = {source.id: source for source in dataset.find(file.parent / "raw.zip")}
    for side in ("train", "val"):
        for data, name, label in zip(*(golden[f"{side}_{what}"] for what in ("data", "name", "label")), strict=True):
            clip = read_one(dataset, sources[name.removesuffix(".skeleton")])
            expected = np.zeros_like(data)
            expected[:, : clip.xyz.shape[1], :, : len(clip.xyz)] = clip.xyz.transpose(3, 1, 2, 0)
            assert expected.tobytes() == data.tobytes(), name
            assert clip.label == label


def test_slots_follow_the_file_in_every_frame() -> None:
    a, b, c = walker(3)
    xyz, present = people(skeleton_text([[("1", a), ("2", b)], [], [("2", b), ("3", c), ("1", a)], [("3", c)]]))
    assert present.tolist() == [[True, False, True, True], [True, False, True, False]]
    np.testing.assert_allclose(xyz[0], np.stack([a, 0 * a, b, c]), rtol=1e-6)
    np.testing.assert_allclose(xyz[1], np.stack([b, 0 * a, c, 0 * a]), rtol=1e-6)


def test_one_slot_where_nobody_is_ever_second() -> None:
    a, b = walker(2)
    xyz, _ = people(skeleton_text([[("1", a)], [("2", b)]]))
    assert xyz.shape == (1, 2, 25, 3)


def test_an_id_twice_in_a_frame_is_two_bodies() -> None:
    a, b = walker(2)
    xyz, _ = people(skeleton_text([[("7", a), ("7", b)]]))
    np.testing.assert_allclose(xyz[:, 0], np.stack([a, b]), rtol=1e-6)


def test_nobody_in_any_frame_is_a_clip_of_absence() -> None:
    xyz, present = people("4\n0\n0\n0\n0\n")
    assert xyz.shape == (1, 4, 25, 3)
    assert not present.any()


def test_more_frames_than_the_arrays_hold() -> None:
    body = walker(1)[0]
    assert people(skeleton_text([[("1", body)]] * MAX_FRAMES))[0].shape == (1, 300, 25, 3)
    with pytest.raises(SourceError, match="301 frames, the field's script stops at more than 300"):
        people(skeleton_text([[("1", body)]] + [[]] * MAX_FRAMES))
