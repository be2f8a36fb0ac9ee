"""Raw files in folders and archives are found, named and read alike."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kineme.datasets.raw_files import RawFile, walk
from kineme.errors import SourceError

CONTENT = bytes(range(256)) * 40


def archive(path: Path, names: tuple[str, ...] = ("deep/a.txt", "b.TXT"), compression: int = ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", compression) as file:
        for name in names:
            file.writestr(name, CONTENT)
    return path


def test_members_are_files_with_folders_like_any_other(tmp_path: Path) -> None:
    archive(tmp_path / "sub" / "raw.zip")
    (tmp_path / "c.txt").write_bytes(b"c")
    plain, first, second = walk(tmp_path)
    assert [file.below(tmp_path) for file in (plain, first, second)] == [
        "c.txt",
        "sub/raw.zip::b.TXT",
        "sub/raw.zip::deep/a.txt",
    ]
    assert (first.name, first.stem, first.suffix) == ("b.TXT", "b", ".txt")
    assert second.location.parts == ("deep", "a.txt")
    assert str(second) == f"{tmp_path}/sub/raw.zip::deep/a.txt"
    assert (plain.read_bytes(), second.read_bytes()) == (b"c", CONTENT)


def test_a_single_file_or_archive_is_a_root_of_its_own(tmp_path: Path) -> None:
    path = archive(tmp_path / "raw.zip", ("x/a.txt",))
    assert [file.below(path) for file in walk(path)] == ["raw.zip::x/a.txt"]
    (tmp_path / "one.bvh").touch()
    assert [file.below(tmp_path / "one.bvh") for file in walk(tmp_path / "one.bvh")] == ["one.bvh"]


def test_what_systems_leave_in_archives_is_no_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "raw.zip", ("a/", "a/b.txt", "a/.DS_Store", "__MACOSX/a/b.txt", "a/._b.txt"))
    assert [file.member for file in walk(path)] == ["a/b.txt"]


def test_an_archive_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = archive(tmp_path / "raw.zip", ("a.txt",))
    assert [file.read_bytes() for file in walk(path)] == [CONTENT]
    with ZipFile(path, "w") as file:
        file.writestr("a.txt", "new, and of another size")
    assert [file.read_bytes() for file in walk(path)] == [b"new, and of another size"]


def test_a_damaged_archive_is_collected_or_raised(tmp_path: Path) -> None:
    path = archive(tmp_path / "raw.zip")
    path.write_bytes(path.read_bytes()[:-30])
    (tmp_path / "c.txt").touch()
    damaged: list[SourceError] = []
    assert [file.name for file in walk(tmp_path, damaged)] == ["c.txt"]
    assert "not a whole zip archive" in damaged[0].problem
    assert "download or copy the archive again" in damaged[0].fix
    for root in (tmp_path, path):
        with pytest.raises(SourceError, match=r"raw\.zip: not a whole zip archive"):
            list(walk(root))


def test_a_damaged_member_spares_the_others(tmp_path: Path) -> None:
    path = archive(tmp_path / "raw.zip", compression=ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF  # within the first member's content
    path.write_bytes(data)
    bad, good = sorted(walk(path), reverse=True)
    with pytest.raises(SourceError, match=r"raw\.zip::deep/a\.txt: damaged in its archive \(Bad CRC-32"):
        bad.read_bytes()
    assert good.read_bytes() == CONTENT


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
@example(at=813, value=64)  # a version of the format that zipfile refuses
@example(at=853, value=0)  # a member without a name
def test_an_archive_with_any_byte_changed_gives_its_content_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    path = archive(tmp_path_factory.mktemp("zip") / "raw.zip")
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data)
    try:
        contents = [file.read_bytes() for file in walk(path)]
    except SourceError:
        return
    assert set(contents) <= {CONTENT}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be read \(No such file"):
        RawFile(tmp_path / "a.txt").read_bytes()
    assert RawFile(tmp_path / "a.txt").fingerprint() == (0, 0)
    with pytest.raises(SourceError, match="not a readable folder"):
        list(walk(tmp_path / "absent"))
