from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets.base import SourceWarning
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError


def written(folder: Path, data: bytes) -> RawFile:
    file = folder / "rows.txt"
    file.write_bytes(data)
    return RawFile(file)


@pytest.mark.parametrize(
    "text", ["1 -2.5 3e-2\n4 5 6\n", "1,-2.5,3e-2\r\n4, 5, 6\r\n", " 1\t-2.5 .03  \n4 5. +6\n \n\n"]
)
def test_spaces_commas_and_line_ends(text: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_rows(written(tmp_path, text.encode()), 3), [[1, -2.5, 0.03], [4, 5, 6]])


def test_last_line_without_an_end_is_read_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(SourceWarning, match="may have been cut"):
        rows = read_rows(written(tmp_path, b"1 2\n3 4"), 2)
    assert rows.tolist() == [[1, 2], [3, 4]]


MISTAKES = {
    b"": (None, "the file is empty"),
    b" ,\n\x1c\n": (None, "the file is empty"),
    b"1 2 3\n4 5\n": (2, "expected 3 numbers, found 2 values"),
    b"1 2 3 4\n": (1, "expected 3 numbers, found 4 values"),
    b"1 2 3\n\n4 5 6\n": (2, "expected 3 numbers, found 0 values"),
    b"1 2 3\n4 five 6\n": (2, "expected 3 finite numbers, found 'five'"),
    b"1 2 3\n4 5 6\n7 8 nan\n": (3, "found 'nan'"),
    b"1 -inf 3\n": (1, "found '-inf'"),
    b"1 2 1e39\n": (1, "found '1e39'"),
    b"1 2 1_0\n": (1, "found '1_0'"),
    b"1 2 \xb2\n": (1, "found '\ufffd'"),
    b"# 2 3\n": (1, "found '#'"),
}


@pytest.mark.parametrize("data", MISTAKES)
def test_mistake_is_named_with_its_line(data: bytes, tmp_path: Path) -> None:
    line, problem = MISTAKES[data]
    with pytest.raises(SourceError, match=problem) as caught:
        read_rows(written(tmp_path, data), 3)
    assert caught.value.line == line


@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
@given(st.binary(max_size=40) | st.text("0123456789.,-+eE \n\r\t\x1c\"'", max_size=40).map(str.encode))
def test_any_content_gives_finite_rows_or_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = written(tmp_path_factory.mktemp("any"), data)
    try:
        rows = read_rows(file, 2)
    except SourceError:
        return
    assert rows.shape[1] == 2
    assert np.isfinite(rows).all()
