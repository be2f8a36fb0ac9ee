"""Pickles of plain data: containers, numbers, text and NumPy arrays. Everything else a pickle can hold is refused.

A pickle is a program: it may name any function and have it called, so reading a stranger's file can run a stranger's
code. This reader knows the few names by which NumPy 1 and 2 write arrays, does itself what they stand for, and
resolves no others. Even NumPy's own functions are not called, for a forged state of a dtype can corrupt memory.
"""

import io
import pickle
import re
import struct
from typing import Any, ClassVar

import numpy as np

from kineme.errors import SourceError

_ARRAY_TYPE = re.compile(r"[biufcSUO]\d+")  # no structures, no dates
_NAMES = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "from_buffer" for core in ("core", "_core")},
    ("numpy", "ndarray"): "array_class",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "no_bytes",
    ("collections", "OrderedDict"): "ordered",
}


def load_plain(data: bytes, file: object) -> Any:
    """What a pickle of plain data holds; pickles of Python 2 are read as well.

    Args:
        data: the pickle.
        file: where it is from, for messages.

    Returns:
        Containers, numbers, text and arrays (of a subclass of `numpy.ndarray`).

    Raises:
        SourceError: it asks for anything else, which could be code, or it is damaged.
    """
    try:
        return _PlainUnpickler(data, file).load()
    except SourceError:
        raise
    except Exception as error:  # Python's documentation does not say what a damaged pickle can end in
        problem = f"not a whole pickle ({error!s:.80})"
        fix = "this is another file, or a damaged one: remove it, or download it again"
        raise SourceError(file, problem, fix=fix) from error


def describe(value: object) -> str:
    """What a value of a pickle is, for messages."""
    return f"{value.shape} of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def _load_bytearray(unpickler: Any) -> None:
    """As bytes: Python's own way sets the memory aside before it looks whether there are so many."""
    (length,) = struct.unpack("<Q", unpickler.read(8))
    unpickler.append(unpickler.read(length))


class _PlainUnpickler(pickle._Unpickler):
    """Unpickler that calls nothing but its own methods.

    The one it is made of is written in Python and keeps in a dictionary what a pickle refers to. The faster one in C
    keeps it in an array, as long as a pickle of a few bytes pleases.
    """

    dispatch: ClassVar = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: _load_bytearray}
    _array_class = None  # arrays name it, nobody needs it

    def __init__(self, data: bytes, file: object) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for."""
        method = _NAMES.get((module, name))
        if method is None:
            problem = (
                f"the pickle asks for {module}.{name}, which is not plain data: reading it could run code "
                f"of whoever made the file"
            )
            raise SourceError(self._file, problem, fix="save it anew as dicts, lists, numbers, text and NumPy arrays")
        return getattr(self, f"_{method}")

    def _array(self, *_: object) -> "_Array":
        return np.zeros(0).view(_Array)

    def _dtype(self, code: str, *_: object) -> "_DType":
        if not _ARRAY_TYPE.fullmatch(code):
            raise SourceError(self._file, f"an array of type {code!r:.20}", fix="save arrays of numbers or text")
        return _DType(code)

    def _scalar(self, dtype: "_DType", data: bytes | str) -> Any:
        return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype.dtype)[0]

    def _from_buffer(self, data: bytes, dtype: "_DType", shape: tuple[int, ...], order: Any) -> np.ndarray:
        return np.frombuffer(data, dtype.dtype).reshape(shape, order=order)

    def _encode(self, text: str, _encoding: str) -> bytes:
        return text.encode("latin1")  # bytes in pickles that Python 2 can read; empty ones are below

    def _no_bytes(self) -> bytes:
        return b""

    def _ordered(self, items: Any = ()) -> dict[Any, Any]:
        return dict(items)


class _DType:
    """A type of array elements as a pickle describes it: a code, then the order of bytes."""

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that takes its type from a `_DType`."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        version, shape, dtype, is_fortran, data = state
        super().__setstate__((version, shape, dtype.dtype, is_fortran, data))
