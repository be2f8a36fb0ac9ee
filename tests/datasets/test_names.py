import re
from pathlib import Path

import pytest

from kineme.datasets.names import label_of, name_numbers, one_named
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

PATTERN = re.compile(r"a(\d\d)_v(\d)")


def test_numbers_of_a_name() -> None:
    assert name_numbers(RawFile(Path("x/a07_v3.TXT")), PATTERN, "a01_v1 (action, view)") == (7, 3)


@pytest.mark.parametrize("name", ["a7_v3.txt", "a07_v3_copy.txt", "a07_v3 (1).txt", "b.txt"])
def test_other_name_is_our_error(name: str) -> None:
    with pytest.raises(SourceError, match=r"expected a name like a01_v1 \(action, view\)") as caught:
        name_numbers(RawFile(Path(name)), PATTERN, "a01_v1 (action, view)")
    assert "original name" in caught.value.fix


def test_label_of_an_action() -> None:
    file = RawFile(Path("a.txt"))
    assert [label_of(file, action, 20) for action in (1, 20)] == [0, 19]
    for action in (0, 21):
        with pytest.raises(SourceError, match=f"action {action} does not exist, only 1 to 20"):
            label_of(file, action, 20)


def files(root: Path, *contents: bytes) -> list[RawFile]:
    paths = [root / f"{i}" / ("Labels.TXT" if i % 2 else "labels.txt") for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.parent.mkdir()
        path.write_bytes(content)
    return [RawFile(path) for path in paths]


def test_one_of_a_name(tmp_path: Path) -> None:
    found = files(tmp_path, b"walk 1\nrun 2\n", b"walk 1\r\nrun  2", b"walk 1\nrun 2\n")
    assert one_named(found, "labels.txt") == found[0]
    assert one_named(found, "splits.txt") is None


def test_two_of_a_name_with_other_content(tmp_path: Path) -> None:
    found = files(tmp_path, b"walk 1\n", b"walk 2\n")
    with pytest.raises(SourceError, match=r"1/Labels\.TXT: same name as .*0/labels\.txt, other content") as caught:
        one_named(found, "labels.txt")
    assert caught.value.fix
