import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import realdata_path
from kineme.datasets import datasets
from kineme.datasets.base import Source
from kineme.datasets.prepare import prepare
from kineme.errors import SourceError
from raw import read_one, source_of
from skeleton_text import tracks_text, walker

TEXT = tracks_text(3, [(range(3), walker(3))])


def source(folder: Path, name: str) -> Source:
    file = folder / f"{name}.skeleton"
    file.write_text(TEXT)
    return source_of(file)


def test_name_says_who_where_and_what(tmp_path: Path) -> None:
    clip = read_one(datasets.get("ntu120")(), source(tmp_path, "S018C002P041R001A120"))
    assert (clip.setup, clip.camera, clip.subject, clip.replication, clip.label) == (18, 2, 41, 1, 119)
    assert clip.fps == 30


def test_classes_and_missing_lists_are_the_official_ones() -> None:
    for name, num_classes, num_missing in (("ntu60", 60, 302), ("ntu120", 120, 535)):
        dataset = datasets.get(name)()
        assert len(set(dataset.classes)) == num_classes
        assert len(dataset.listed_missing) == num_missing
    assert datasets.get("ntu60")().listed_missing < datasets.get("ntu120")().listed_missing
    assert datasets.get("ntu60")().classes == datasets.get("ntu120")().classes[:60]


def test_class_of_the_larger_edition_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"A061 is out of range, ntu60 has A001 to A060 \(.*prepare it as ntu120"):
        datasets.get("ntu60")().read(source(tmp_path, "S018C001P041R001A061"))


@pytest.mark.parametrize("name", ["S001C001P001R001A000", "S001C001P001R001A121"])
def test_class_that_exists_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"is out of range, ntu120 has A001 to A120 \(rename"):
        datasets.get("ntu120")().read(source(tmp_path, name))


@pytest.mark.parametrize("name", ["S001C001P001R001A001.crlf", "S1C1P1R1A1", "copy of S001C001P001R001A001"])
def test_name_out_of_grammar(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="expected a name like S001C001P001R001A001"):
        datasets.get("ntu60")().read(source(tmp_path, name))


@pytest.mark.realdata
@pytest.mark.parametrize("preparation", ["default", "reference"])
def test_real_files_make_the_same_store_with_either_line_end(tmp_path: Path, preparation: str) -> None:
    stores = []
    for line_end in ("unix", "windows"):
        folder = tmp_path / line_end / "nturgb+d"
        folder.mkdir(parents=True)
        for file in realdata_path("samples/ntu").glob("S001C001P001R001A0??.skeleton"):
            shutil.copy(file, folder)
        if line_end == "windows":
            name = "S001C001P001R001A001"
            shutil.copy(realdata_path(f"samples/ntu/{name}.crlf.skeleton"), folder / f"{name}.skeleton")
        store, report = prepare(datasets.get("ntu60")(preparation), folder, tmp_path / f"{line_end}.store")
        assert report.ok
        assert len(store) == 10
        stores.append(tmp_path / f"{line_end}.store")
    for name in ("xyz.npy", "present.npy", "clips.npy", "store.json"):
        assert (stores[0] / name).read_bytes() == (stores[1] / name).read_bytes()


@pytest.mark.realdata
def test_real_single_body_files_are_the_same_in_both_preparations() -> None:
    for path in realdata_path("samples/ntu").glob("S001C001P001R001A0??.skeleton"):
        clips = [read_one(datasets.get("ntu60")(mode), path) for mode in ("default", "reference")]
        assert len(clips[0].xyz) == 1
        np.testing.assert_array_equal(clips[0].xyz, clips[1].xyz)
