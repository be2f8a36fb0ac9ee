import shutil
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest

from conftest import realdata_path
from kineme.datasets import datasets
from kineme.datasets.base import Source
from kineme.datasets.ntu import NTU60
from kineme.datasets.ntu_format import FastReader, fastest_reader
from kineme.datasets.ntu_vectorised import read_vectorised
from kineme.datasets.prepare import check, prepare
from kineme.errors import SourceError
from raw import read_one, source_of
from skeleton_text import skeleton_text, tracks_text, walker

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


NOBODY = "3\n0\n0\n0\n"
SHORT = tracks_text(5, [(range(5), walker(5)), (range(5), walker(5, seed=1))])
TWICE = skeleton_text([[("7", walker(1)[0]), ("7", walker(1)[0])]] * 12)
ZEROS = tracks_text(3, [(range(3), walker(3) * 0)])


@pytest.mark.parametrize(
    ("text", "preparation", "problem"),
    [
        (NOBODY, "default", "no body in any of the 3 frames"),
        (NOBODY, "reference", "no body in any of the 3 frames"),
        (ZEROS, "default", "every coordinate of every body is zero"),
        (ZEROS, "reference", "every coordinate of the main body is zero"),
        (SHORT, "reference", "no body is seen in more than 11 frames"),
        (TWICE, "reference", "body id 7 occurs twice in one frame"),
        (tracks_text(301, [([0], walker(1))]), "stgcn", "301 frames"),
        ("0\n", "stgcn", "no frames"),
    ],
)
def test_recording_that_a_preparation_refuses_is_reported(
    tmp_path: Path, text: str, preparation: str, problem: str
) -> None:
    (tmp_path / "S001C001P001R001A001.skeleton").write_text(text)
    (finding,) = check(NTU60(preparation), tmp_path).problems
    assert finding.path == "S001C001P001R001A001.skeleton"
    assert problem in finding.problem
    assert finding.fix


@pytest.mark.parametrize(
    ("text", "preparation", "shape"),
    [
        (NOBODY, "stgcn", (1, 3)),
        (ZEROS, "stgcn", (1, 3)),
        (SHORT, "default", (1, 5)),
        (SHORT, "stgcn", (2, 5)),
        (TWICE, "default", (1, 12)),
        (TWICE, "stgcn", (2, 12)),
    ],
)
def test_recording_that_another_preparation_takes(
    tmp_path: Path, text: str, preparation: str, shape: tuple[int, int]
) -> None:
    (tmp_path / "S001C001P001R001A001.skeleton").write_text(text)
    store, report = prepare(NTU60(preparation), tmp_path, tmp_path / "store")
    assert report.ok
    assert store[0].present.shape == shape


class Plain(NTU60):
    """Without numba, whether or not it is there."""

    @property
    def fast_reader(self) -> FastReader:
        return read_vectorised


@pytest.mark.skipif(fastest_reader() is read_vectorised, reason="needs numba")
@pytest.mark.parametrize("preparation", NTU60.preparations)
def test_store_is_the_same_with_and_without_numba(tmp_path: Path, preparation: str) -> None:
    texts = (
        TEXT,
        tracks_text(40, [(range(40), walker(40)), (range(9, 30), walker(21, 1))]),
        TEXT.replace("\n", "\r\n"),
    )
    for number, text in enumerate(texts, start=1):
        (tmp_path / f"S001C001P001R001A00{number}.skeleton").write_bytes(text.encode())
    for dataset in (NTU60(preparation), Plain(preparation)):
        prepare(dataset, tmp_path, tmp_path / type(dataset).__name__)
    for file in (tmp_path / "NTU60").iterdir():
        assert file.read_bytes() == (tmp_path / "Plain" / file.name).read_bytes()


FOLDERS = {
    "nturgbd_skeletons_s001_to_s017.zip": ("nturgb+d_skeletons", ("S001C001P001R001A001", "S017C003P020R002A060")),
    "nturgbd_skeletons_s018_to_s032.zip": ("nturgb+d_skeletons_120", ("S018C001P008R001A061", "S032C003P106R002A120")),
}


def write_archives(folder: Path, texts: Mapping[str, str]) -> None:
    """The two downloads of NTU RGB+D 120, as they come."""
    for archive, (inner, names) in FOLDERS.items():
        with ZipFile(folder / archive, "w", ZIP_STORED) as file:
            for name in names:
                file.writestr(f"{inner}/{name}.skeleton", texts.get(name, TEXT))


def test_both_archives_are_read_without_unpacking(tmp_path: Path) -> None:
    write_archives(tmp_path, {})
    store, report = prepare(datasets.get("ntu120")(), tmp_path, tmp_path / "store")
    assert report.ok
    assert store.ids.tolist() == [name for _, names in FOLDERS.values() for name in names]
    assert store.clips["setup"].tolist() == [1, 17, 18, 32]


def test_damaged_member_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    write_archives(tmp_path, {"S018C001P008R001A061": "3\n1\n damaged on the way"})
    archive = tmp_path / "nturgbd_skeletons_s018_to_s032.zip"
    archive.write_bytes(archive.read_bytes().replace(b"damaged on the way", b"Damaged on the way"))
    store, report = prepare(datasets.get("ntu120")(), tmp_path, tmp_path / "store")
    assert len(store) == 3
    (finding,) = report.problems
    assert finding.path == f"{archive.name}::nturgb+d_skeletons_120/S018C001P008R001A061.skeleton"
    assert "damaged in its archive (Bad CRC-32" in finding.problem


@pytest.mark.realdata
@pytest.mark.parametrize("preparation", NTU60.preparations)
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
def test_real_single_body_files_are_the_same_in_all_preparations() -> None:
    for path in realdata_path("samples/ntu").glob("S001C001P001R001A0??.skeleton"):
        clip, *others = (read_one(NTU60(preparation), path) for preparation in NTU60.preparations)
        assert len(clip.xyz) == 1
        for other in others:
            np.testing.assert_array_equal(clip.xyz, other.xyz)


def test_a_list_of_missing_skeletons_beside_the_files_counts_too(tmp_path: Path) -> None:
    for name in ("S001C001P001R001A001", "S001C001P001R001A002"):
        source(tmp_path, name)
    listed = tmp_path / "statistics" / "samples_with_missing_skeletons.txt"
    listed.parent.mkdir()
    listed.write_text("These have no skeletons:\n\nS001C001P001R001A002\nS001C001P001R001A003\n")
    report = check(datasets.get("ntu60")(), tmp_path)
    assert report.ok
    assert [(finding.path, finding.problem) for finding in report.skipped] == [
        ("S001C001P001R001A002.skeleton", "listed as missing")
    ]
