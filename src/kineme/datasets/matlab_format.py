"""The MATLAB 5 format as far as it holds arrays of numbers, and safe with damaged files.

    header        128 bytes, the last four version 1.0 and "IM" for little-endian
    per variable  an element: matrix, or compressed and within it a matrix
    element       kind and size in bytes, 4 bytes each, then the content, padded to eight bytes unless compressed;
                  up to four bytes of content lie in the tag itself, behind 2 bytes each of kind and size
    matrix        elements: flags (the first byte its class), lengths of the axes, name, values in column order, ...

SciPy reads more, but crashes the process on some files of which a single byte is wrong.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_HEADER, _MARK = 128, b"\x00\x01IM"
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_NUMBER_CLASSES = {bytes([number]) for number in range(6, 16)}  # double to uint64


def read_array(file: RawFile, name: str) -> np.ndarray:
    """The numbers of one variable, in the type in which the file holds them.

    Raises:
        SourceError: no MATLAB 5 file, a damaged one, or one without this variable.
    """
    data = file.read_bytes()
    try:
        return _variable(data, name)
    except (ValueError, zlib.error) as error:
        fix = f"this is not a file with {name}, or a damaged one: remove it, or unpack it again"
        raise SourceError(file, f"cannot be read as a MATLAB 5 file: {error}", fix=fix) from error


def _variable(data: bytes, name: str) -> np.ndarray:
    if data[_HEADER - len(_MARK) : _HEADER] != _MARK:
        raise ValueError(f"it begins with {data[:20]!r}")
    for matrix in _matrices(data[_HEADER:]):
        parts = list(islice(_elements(matrix), 4))
        if len(parts) == 4 and parts[2][1] == name.encode():
            (_, flags), (_, axes), _, (kind, values) = parts
            if kind not in _NUMBERS or flags[:1] not in _NUMBER_CLASSES:
                raise ValueError(f"{name} is no array of numbers")
            return np.frombuffer(values, _NUMBERS[kind]).reshape(np.frombuffer(axes, "<i4"), order="F")
    raise ValueError(f"it holds no variable {name}")


def _matrices(data: bytes) -> Iterator[bytes]:
    for kind, content in _elements(data):
        if kind == _COMPRESSED:
            yield from _matrices(zlib.decompress(content))
        elif kind == _MATRIX:
            yield content


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each element in turn."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("it ends within a tag")
        kind, size = struct.unpack_from("<II", data, at)
        start, step = at + 8, 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if kind >> 16:
            start, step, kind, size = at + 4, 8, kind & 0xFFFF, min(kind >> 16, 4)
        if start + size > len(data):
            raise ValueError(f"an element of {size} bytes ends after {len(data) - start}")
        yield kind, data[start : start + size]
        at += step
