"""UESTC's skeleton files for tests: texts of the Kinect v2, and the ``.mat`` copies of them."""

from pathlib import Path

import numpy as np
from scipy.io import savemat


def skeleton_text(xyz: np.ndarray, end: str = "\n") -> str:
    """Text of (T, 25, 3) coordinates; the line end may have blanks before it."""
    lines: list[str] = []
    for frame in xyz.tolist():
        lines.append("#")
        for x, y, z in frame:
            lines += [f"{x:.9g} {y:.9g} {z:.9g} 0", "1041.27 441.873 1", "290.317 178.092 2"]
    return "".join(line + end for line in lines)


def write_text(folder: Path, name: str, xyz: np.ndarray, end: str = "\n") -> Path:
    """Write ``<name>_skeleton.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_skeleton.txt"
    path.write_bytes(skeleton_text(xyz, end).encode())
    return path


def write_mat(folder: Path, name: str, skel: np.ndarray) -> Path:
    """Write ``<name>_skeleton.mat``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_skeleton.mat"
    savemat(path, {"skel": skel})
    return path
