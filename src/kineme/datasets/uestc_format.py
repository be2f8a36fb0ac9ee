"""The two forms of UESTC's skeletons: the text files of the Kinect v2 and the authors' ``.mat`` copies of them.

    per frame:   #
      per joint: x y z 0     metres, camera space
                 u v 1       colour picture
                 u v 2       depth picture

A ``.mat`` file (MATLAB 5) holds one array ``skel`` of shape (frames, 25, 3).
"""

import numpy as np

from kineme.datasets.coordinates import as_float32
from kineme.datasets.matlab_format import read_array
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_LINES_PER_JOINT = 3
_MAT_HEADER = 128  # bytes with the date of writing
_DAMAGED = "the file is damaged: unpack it from the archive again, or leave it out"


def parse_points(file: RawFile, num_joints: int) -> np.ndarray:
    """Read a file of either form.

    Args:
        file: named ``.txt`` or ``.mat``.
        num_joints: V.

    Returns:
        (T, V, 3) float32 metres in camera space, zero where nobody was tracked.

    Raises:
        SourceError: the file does not follow its form; in a text, the first line that breaks it.
    """
    return _parse_mat(file, num_joints) if file.suffix == ".mat" else _parse_text(file, num_joints)


def _parse_mat(file: RawFile, num_joints: int) -> np.ndarray:
    skel = read_array(file, "skel")
    if not skel.size or skel.shape[1:] not in ((num_joints, 3), (3 * num_joints,)):
        raise SourceError(file, f"expected skel of shape (frames, {num_joints}, 3), found {skel.shape}", fix=_DAMAGED)
    return as_float32(skel.reshape(-1, num_joints, 3), file)


def _parse_text(file: RawFile, num_joints: int) -> np.ndarray:
    text = file.read_bytes().decode("ascii", errors="replace").rstrip()
    if not text:
        raise SourceError(file, "the file is empty", fix=_DAMAGED)
    lines = text.replace("\r\n", "\n").split("\n")
    lines_per_frame = 1 + num_joints * _LINES_PER_JOINT
    for at in range(0, len(lines), lines_per_frame):
        if lines[at].strip() != "#":
            problem = f"expected # before frame {at // lines_per_frame + 1}, found {lines[at]!r:.40}"
            raise SourceError(file, problem, line=at + 1, fix=_DAMAGED)
    num_frames, rest = divmod(len(lines), lines_per_frame)
    if rest:
        problem = f"the file ends within frame {num_frames + 1}, after {rest} of {lines_per_frame} lines"
        raise SourceError(file, problem, line=len(lines), fix=_DAMAGED)
    numbers = np.arange(len(lines)).reshape(num_frames, lines_per_frame)[:, 1::_LINES_PER_JOINT].flatten().tolist()
    return _points(file, lines, numbers).reshape(num_frames, num_joints, 3)


def _points(file: RawFile, lines: list[str], numbers: list[int]) -> np.ndarray:
    """(P, 3) float32 from the lines ``x y z 0`` of these numbers, from 0."""
    try:
        return _convert([lines[number] for number in numbers])
    except ValueError:
        for number in numbers:
            try:
                _convert([lines[number]])
            except ValueError as error:
                problem = f"expected a point x y z 0 in metres, found {lines[number]!r:.60}"
                raise SourceError(file, problem, line=number + 1, fix=_DAMAGED) from error
        raise SourceError(file, "expected points x y z 0 in metres", fix=_DAMAGED) from None


def _convert(lines: list[str]) -> np.ndarray:
    """Numbers of lines; ValueError where one is not of the form."""
    values = np.loadtxt(lines, np.float32, comments=None, ndmin=2) if all(map(str.strip, lines)) else np.empty((0, 0))
    if values.shape[1] != 4 or values[:, 3].any() or not np.isfinite(values).all():
        raise ValueError
    return values[:, :3]


def same_content(file: RawFile, other: RawFile) -> bool:
    """Whether two files of one form hold the same, whenever they were written."""
    header = _MAT_HEADER if file.suffix == ".mat" else 0
    return file.read_bytes()[header:] == other.read_bytes()[header:]
