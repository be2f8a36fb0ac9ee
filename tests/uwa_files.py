"""UWA3D's ``.mat`` files for tests: HDF5 behind the 512 bytes that MATLAB 7.3 puts first."""

from pathlib import Path

import h5py
import numpy as np


def write_mat(path: Path, array: np.ndarray, variable: str = "A") -> Path:
    """Write an array as MATLAB would whose transpose it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file[variable] = array
        file[variable].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")
    return path
