"""Every real original that we have imports: as its dataset, or as its format."""

from pathlib import Path
from shutil import copytree

import pytest

from conftest import REALDATA, realdata_path
from kineme.datasets import datasets
from kineme.datasets.prepare import prepare
from kineme.datasets.report import Report
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.store import SkeletonStore

pytestmark = pytest.mark.realdata

DATASETS = {  # dataset, clips, notes
    "ntu": ("ntu60", 10, 0),
    "nucla": ("nucla", 3, 0),
    "utd_mhad": ("utd_mhad", 1, 0),
    "utkinect": ("utkinect", 10, 0),
    "msr": ("msraction3d", 1, 0),
    "kinetics": ("kinetics", 5, 0),
}
FORMATS = {  # format, layout, clips
    "bvh": ("bvh", "bandai21", 2),
    "asfamc": ("asfamc", "cmu31", 2),
    "ntu": ("txt2npy", "", 1),
}
EXPLAINED = {"pyskl"}  # a pickle whose coordinates are in other files


def sample(name: str, tmp_path: Path) -> Path:
    """A folder of originals, without what is no file of its dataset."""
    folder = copytree(realdata_path(f"samples/{name}"), tmp_path / name)
    for copy in folder.glob("*.crlf.skeleton"):
        copy.unlink()  # not a name that the dataset has; its content is tested with the format
    return folder


def assert_sound(store: SkeletonStore, report: Report, num_clips: int) -> None:
    assert report.ok, report.problems
    assert len(store) == num_clips
    assert all(store[i].present.any() for i in range(num_clips))


@pytest.mark.parametrize("name", DATASETS)
def test_originals_of_a_dataset(name: str, tmp_path: Path) -> None:
    dataset, num_clips, num_notes = DATASETS[name]
    store, report = prepare(datasets.get(dataset)(), sample(name, tmp_path), tmp_path / "store")
    assert_sound(store, report, num_clips)
    assert len(report.notes) == num_notes
    assert (store.labels >= 0).all()


def test_original_of_sbu_in_its_folders(tmp_path: Path) -> None:
    """The sample is one file; the download tells by folders what it shows."""
    copytree(realdata_path("samples/sbu"), tmp_path / "raw" / "s01s02" / "01" / "001")
    assert_sound(*prepare(datasets.get("sbu")(), tmp_path / "raw", tmp_path / "store"), 1)


@pytest.mark.parametrize("name", FORMATS)
def test_originals_of_a_format(name: str, tmp_path: Path) -> None:
    format, layout, num_clips = FORMATS[name]
    folder = sample(name, tmp_path)
    importer = importers.get(format)(path=folder, joints=layout)
    assert_sound(*prepare(importer, folder, tmp_path / "store"), num_clips)


def test_original_without_coordinates_is_explained(tmp_path: Path) -> None:
    folder = sample("pyskl", tmp_path)
    importer = importers.get("pyskl")(path=folder, joints="coco17")
    with pytest.raises(SourceError, match="keypoint"):
        prepare(importer, folder, tmp_path / "store")


def test_no_original_is_forgotten() -> None:
    realdata_path("samples")
    assert {path.name for path in (REALDATA / "samples").iterdir()} == {*DATASETS, *FORMATS, *EXPLAINED, "sbu"}
