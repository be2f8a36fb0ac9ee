"""Pickles of lists longer than memory, which any Python 3 and any NumPy can read.

`pickle` holds on to everything until the end, and names a module of NumPy that older versions do not have. So the
lists are written here, opcode by opcode, and only what is in them is left to `pickle`.
"""

import pickle
from collections.abc import Iterator
from typing import IO

import numpy as np

_PROTOCOL = 3
_NUMPY2, _NUMPY1 = (f"cnumpy.{core}.multiarray\n_reconstruct\n".encode() for core in ("_core", "core"))


def dump(value: object, file: IO[bytes]) -> None:
    """Pickle plain data and arrays.

    Args:
        value: an iterator becomes a list, and each item is forgotten once it is written; so in dictionaries.
        file: opened for writing.
    """
    file.write(pickle.PROTO + bytes([_PROTOCOL]))
    _write(value, file)
    file.write(pickle.STOP)


def _write(value: object, file: IO[bytes]) -> None:
    """Write the opcodes that leave a value on top of the reader's stack."""
    if isinstance(value, Iterator):
        file.write(pickle.EMPTY_LIST)
        for item in value:
            _write(item, file)
            file.write(pickle.APPEND)
    elif isinstance(value, dict):
        file.write(pickle.EMPTY_DICT)
        for key, item in value.items():
            _write(key, file)
            _write(item, file)
            file.write(pickle.SETITEM)
    else:
        if isinstance(value, np.ndarray):
            value = np.asarray(value)  # a memory map would be asked for by that name
        opcodes = pickle.dumps(value, protocol=_PROTOCOL)[2:-1]  # without the protocol and the stop
        file.write(_NUMPY1 + opcodes.removeprefix(_NUMPY2) if opcodes.startswith(_NUMPY2) else opcodes)
