import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.errors import SourceError
from kineme.importers.unpickle import load_plain

PLAIN: dict[str, Any] = {
    "list": [1, 2.5, "text", None, True, (1, 2), b"\x00\xff"],
    "ordered": OrderedDict(a=1),
    "float16": np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    "big endian, by columns": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    "bool": np.array([True, False]),
    "text": np.array(["one", "three"]),
    "numbers": (np.int64(7), np.float32(0.5), np.bool_(True)),
    "objects": np.array({"x": [1, 2]}, dtype=object),
    "empty": np.zeros((0, 17, 2)),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_data_in_every_protocol(name: str, protocol: int) -> None:
    value = PLAIN[name]
    loaded = load_plain(pickle.dumps(value, protocol), "file")
    if not isinstance(value, np.ndarray):
        assert loaded == value
    else:
        assert loaded.dtype.newbyteorder("=") == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(loaded, value)


@pytest.mark.parametrize("core", ["core", "_core"])
def test_names_of_both_numpy_editions(core: str) -> None:
    data = pickle.dumps([np.arange(3), np.float64(2)], 2)
    data = data.replace(b"numpy._core.", b"numpy.core.").replace(b"numpy.core.", f"numpy.{core}.".encode())
    array, number = load_plain(data, "file")
    assert (array.tolist(), number) == ([0, 1, 2], 2)


def test_text_of_python_2() -> None:
    assert load_plain(b"(dp0\nS'name'\np1\nS'caf\\xe9'\np2\ns.", "file") == {"name": "café"}


class Command:
    """What a stranger's file could hold."""

    def __init__(self, path: object) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"annotations": [x]}, lambda x: np.array([x], dtype=object)])
def test_code_is_refused_and_does_not_run(tmp_path: Any, wrap: Any) -> None:
    data = pickle.dumps(wrap(Command(tmp_path / "harm")))
    with pytest.raises(SourceError, match=r"evil\.pkl: the pickle asks for posix\.system.*could run code"):
        load_plain(data, "evil.pkl")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"cbuiltins\neval\n(S'1'\ntR.", r"builtins\.eval"),
        (b"cnumpy\nload\n(S'f'\ntR.", r"numpy\.load"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", "_reconstruct.__globals__"),
        (b"cnumpy\ndtype\n(S'f4'\ntRN}S'dtype'\nI1\ns\x86b.", "not a whole pickle"),
        (pickle.dumps(np.zeros(2, [("a", object)])), "array of type 'V8'"),
        (pickle.dumps(np.zeros(2, "datetime64[s]")), "array of type 'M8'"),
        (b"", "not a whole pickle"),
        (b"PK\x03\x04", "not a whole pickle"),
        (pickle.dumps(np.arange(9))[:-20], "not a whole pickle"),
        (b"cnumpy\nndarray\n(I9\ntR.", "not a whole pickle"),
    ],
)
def test_anything_else_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        load_plain(data, "file")


def test_one_pickle_cannot_change_how_the_next_is_read() -> None:
    forged = b"cnumpy\ndtype\n(N}S'__code__'\nI1\nstb."  # sets an attribute of what stands for numpy.dtype
    with pytest.raises(SourceError, match="not a whole pickle"):
        load_plain(forged, "file")
    assert load_plain(pickle.dumps(np.arange(3)), "file").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "forged",
    [
        b"]r" + struct.pack("<I", 2**32 - 1) + b"0I1\n.",  # the four thousand millionth thing to refer to
        b"\x96" + struct.pack("<Q", 2**36) + b"abc.",  # a byte array
        b"\x8e" + struct.pack("<Q", 2**36) + b"abc.",  # bytes
        b"\x8b" + struct.pack("<I", 2**31 - 1) + b"abc.",  # a whole number
    ],
)
def test_sizes_that_a_few_bytes_claim_are_not_set_aside(forged: bytes) -> None:
    tracemalloc.start()
    with suppress(SourceError):
        assert load_plain(forged, "file") == 1
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest < 2**20


def test_ordered_dictionaries_are_plain_ones() -> None:
    data = load_plain(pickle.dumps(OrderedDict(a=1)), "file")
    assert (type(data), data) == (dict, {"a": 1})


DATA = pickle.dumps({"a": np.arange(4.0), "b": [np.int64(1), "text"]}, 4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_cut_anywhere_is_our_error(cut: int) -> None:
    with pytest.raises(SourceError, match="not a whole pickle"):
        load_plain(DATA[:cut], "file")
