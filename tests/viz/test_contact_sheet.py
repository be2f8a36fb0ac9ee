from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from fake import small_store
from kineme.errors import ConfigError, UnknownNameError
from kineme.store import SkeletonStore
from kineme.viz.contact_sheet import contact_sheet, in_turn


def titles(store: SkeletonStore, file: Path, **options: object) -> list[str]:
    """Titles of the cells of a sheet."""
    with patch.object(Axes, "set_title", autospec=True) as set_title:
        assert contact_sheet(store, file, **options) == file  # type: ignore[arg-type]
    return [call.args[1] for call in set_title.call_args_list]


def test_sheet_shows_every_class_in_turn(tmp_path: Path) -> None:
    store = small_store()
    shown = titles(store, tmp_path / "sheet.png", num_clips=5)
    assert [title.splitlines()[0] for title in shown] == [store.classes[k] for k in (0, 1, 2, 0, 1)]
    assert "clip00000, " in shown[0]
    picture = imread(tmp_path / "sheet.png")
    assert picture.shape[0] > 200
    assert picture[..., :3].std() > 0.02  # there are lines on it


def test_sheet_of_named_clips(tmp_path: Path) -> None:
    shown = titles(small_store(), tmp_path / "sheet.svg", ids=["clip00007", "clip00003"])
    assert [title.split()[3].rstrip(",") for title in shown] == ["clip00007", "clip00003"]
    with pytest.raises(UnknownNameError, match="unknown clip 'clip7'"):
        contact_sheet(small_store(), tmp_path / "sheet.png", ids=["clip7"])


@pytest.mark.parametrize("layout", ["coco17", "kinect20", "sbu15"])
def test_any_layout_bodies_and_gaps(tmp_path: Path, layout: str) -> None:
    channels, joints = (2, 17) if layout == "coco17" else (3, 15 if layout == "sbu15" else 20)
    xyz = np.random.default_rng(0).normal(size=(2, 9, joints, channels))
    xyz[1, 3:] = np.nan
    one = np.ones((1, 1, joints, channels))
    confidence = [np.ones((2, 9, joints)), np.zeros((1, 1, joints))]
    store = SkeletonStore.from_arrays([xyz, one], layout, confidence=confidence)
    assert contact_sheet(store, tmp_path / "sheet.png").stat().st_size > 1000


def test_classes_come_in_turn_and_the_rest_follows() -> None:
    labels = np.array([1, 1, 1, 0, 2, 0])
    assert in_turn(labels, 10).tolist() == [3, 0, 4, 5, 1, 2]
    assert in_turn(labels, 2).tolist() == [3, 0]


def test_without_matplotlib_the_extra_is_named(tmp_path: Path) -> None:
    with patch.dict("sys.modules", matplotlib=None), pytest.raises(ConfigError, match=r"pip install 'kineme\[viz\]'"):
        contact_sheet(small_store(), tmp_path / "sheet.png")
