from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from kineme.datasets.matlab_format import read_array
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

ARRAY = np.random.default_rng(0).normal(size=(2, 3, 4))


def matlab(compress: bool = False, **variables: Any) -> bytes:
    """A MATLAB 5 file, by SciPy."""
    stream = BytesIO()
    savemat(stream, variables, do_compression=compress)
    return stream.getvalue()


def written(folder: Path, data: bytes) -> RawFile:
    file = folder / "file.mat"
    file.write_bytes(data)
    return RawFile(file)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_array_among_other_variables(dtype: str, compress: bool, tmp_path: Path) -> None:
    array = (100 * abs(ARRAY)).astype(dtype)
    data = matlab(compress, before={"a": [1.0, "text"]}, x=array, after="text")
    found = read_array(written(tmp_path, data), "x")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_numbers_and_names_short_enough_for_a_tag(tmp_path: Path) -> None:
    file = written(tmp_path, matlab(abcd=np.array([[7]], np.uint8), abcde=np.array([[1, 2]], np.int16)))
    assert read_array(file, "abcd").tolist() == [[7]]
    assert read_array(file, "abcde").tolist() == [[1, 2]]


PLAIN = matlab(x=ARRAY)
MISTAKES = {
    "empty": (b"", "begins with b''"),
    "later version": (b"MATLAB 7.3 MAT-file" + bytes(500), "begins with b'MATLAB 7.3 MAT-file"),
    "other variable": (matlab(y=ARRAY), "it holds no variable x"),
    "text": (matlab(x="text"), "x is no array of numbers"),
    "structure": (matlab(x={"y": 1.0}), "x is no array of numbers"),
    "cut": (PLAIN[:-9], "an element of 248 bytes ends after 239"),
    "cut in a tag": (PLAIN[:132], "ends within a tag"),
    "cut while compressed": (matlab(True, x=ARRAY)[:-2] + b"\x00\x00", "Error -3 while decompressing"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str, tmp_path: Path) -> None:
    data, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=f"cannot be read as a MATLAB 5 file: .*{problem}"):
        read_array(written(tmp_path, data), "x")


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.data())
def test_wrong_bytes_give_an_array_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, compress: bool, draw: st.DataObject
) -> None:
    data = bytearray(matlab(compress, x=ARRAY))
    for at, byte in draw.draw(st.dictionaries(st.integers(120, 220), st.integers(0, 255), max_size=3)).items():
        data[at] = byte
    file = written(tmp_path_factory.mktemp("wrong"), bytes(data))
    try:
        assert isinstance(read_array(file, "x"), np.ndarray)
    except SourceError:
        return


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.data())
def test_cut_anywhere_is_our_error(
    tmp_path_factory: pytest.TempPathFactory, compress: bool, draw: st.DataObject
) -> None:
    data = matlab(compress, x=ARRAY)
    file = written(tmp_path_factory.mktemp("cut"), data[: draw.draw(st.integers(0, len(data) - 1))])
    with pytest.raises(SourceError):
        read_array(file, "x")
