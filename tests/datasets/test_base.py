"""What every registered dataset must do, whatever it reads."""

from pathlib import Path

import pytest

from kineme.datasets import datasets
from kineme.errors import SourceError, UnknownNameError
from raw import source_of

NAMES = datasets.names()


@pytest.mark.parametrize("name", NAMES)
def test_dataset_knows_itself(name: str) -> None:
    dataset = datasets.get(name)()
    assert dataset.name == name
    assert dataset.layout.num_joints > 0
    assert len(set(dataset.classes)) == len(dataset.classes) > 1
    assert dataset.example.endswith(dataset.suffix)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_preparation_names_a_known_one(name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown preparation of {name} 'defaults'.*default"):
        datasets.get(name)("defaults")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"{}", b"1\n", b"nan " * 99])
def test_foreign_content_is_our_error(name: str, content: bytes, tmp_path: Path) -> None:
    dataset = datasets.get(name)()
    file = tmp_path / dataset.example
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(SourceError, match=dataset.example):
        dataset.read(source_of(file))


def test_file_that_cannot_be_read_is_our_error(tmp_path: Path) -> None:
    dataset = datasets.get("ntu60")()
    with pytest.raises(SourceError, match=r"cannot be read \(No such file"):
        dataset.read(source_of(tmp_path / dataset.example))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_find_goes_everywhere_once_and_sorts_by_id(tmp_path: Path) -> None:
    root = tmp_path / "骨架 ünd"
    touch(root, "b/2.skeleton", "a/deep/3.skeleton", "1.skeleton", "a/notes.txt", "a/._1.skeleton", "3.json")
    elsewhere = tmp_path / "elsewhere"
    touch(elsewhere, "4.skeleton")
    (root / "link").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(root)
    sources = datasets.get("ntu60")().find(root)
    assert [source.id for source in sources] == ["1", "2", "3", "4"]
    assert sources[3].file.path == root / "link" / "4.skeleton"


def test_find_in_a_folder_of_something_else(tmp_path: Path) -> None:
    touch(tmp_path, "x/readme.md")
    with pytest.raises(
        SourceError, match=r"no \.skeleton file of ntu60 here.*found 1 other files, such as readme\.md.*name the folder"
    ):
        datasets.get("ntu60")().find(tmp_path)


def test_find_nowhere(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a readable folder"):
        datasets.get("ntu60")().find(tmp_path / "absent")
    touch(tmp_path, "file.zip")
    with pytest.raises(SourceError, match="not a whole zip archive"):
        datasets.get("ntu60")().find(tmp_path / "file.zip")
