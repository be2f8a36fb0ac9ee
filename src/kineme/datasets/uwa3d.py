"""UWA3D Multiview Activity II: ``.mat`` files of MATLAB v7.3, which are HDF5 (OpenNI, 15 joints).

A file holds one array ``A``, of shape (frames, 45) as HDF5 gives it: x, y, z of the 15 joints in turn.
"""

import re
import warnings
from io import BytesIO

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.names import label_of, name_numbers
from kineme.datasets.raw_files import RawFile
from kineme.errors import ConfigError, SourceError

_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)")
_FOREIGN = "this is no UWA3D file, or a damaged one: remove it, or unpack it again"


@datasets.register("uwa3d")
class UWA3D(Dataset):
    """UWA3D Multiview Activity II: about 1,075 single-body recordings of 30 actions, 10 subjects and 4 views.

    The camera of a clip is its view, the replication its episode. Needs the package h5py. See
    ``docs/datasets/uwa3d.md``.

    Source: Rahmani et al., "Histogram of Oriented Principal Components for Cross-View Action Recognition", TPAMI 2016.
    """

    name = "uwa3d"
    layout_name = "uwa15"
    suffix = ".mat"
    example = "a01_s01_e01_v01.mat"

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`.

        Raises:
            ConfigError: h5py is not installed.
        """
        like = "a01_s01_e01_v01 (action, subject, episode, view)"
        action, subject, episode, view = name_numbers(source.file, _NAME, like)
        label = label_of(source.file, action, len(self.classes))
        xyz, present = _without_broken_frames(_parse(source.file, self.layout.num_joints))
        clip = Clip(
            id=source.id,
            xyz=xyz[None],
            present=present[None],
            label=label,
            subject=subject,
            camera=view,
            replication=episode,
        )
        return [clip]


def _parse(file: RawFile, num_joints: int) -> np.ndarray:
    """(T, V, 3) float32 from the array ``A``, whichever way round it was written."""
    array = _read_hdf5(file)
    if array.shape[:1] == (3 * num_joints,) and array.ndim == 2 and array.shape[1] != 3 * num_joints:
        array = array.T
    numbers = array.dtype.kind in "fiu"
    if not numbers or not array.size or array.shape[1:] not in ((3 * num_joints,), (num_joints, 3)):
        problem = f"expected A as numbers of shape (frames, {3 * num_joints}), found {array.dtype} {array.shape}"
        raise SourceError(file, problem, fix=_FOREIGN)
    with np.errstate(over="ignore", invalid="ignore"):  # either is found later
        return array.astype(np.float32).reshape(len(array), num_joints, 3)


def _read_hdf5(file: RawFile) -> np.ndarray:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError("UWA3D's .mat files take the package h5py: pip install 'kineme[hdf5]'") from error
    data = file.read_bytes()
    try:
        with h5py.File(BytesIO(data), "r") as content:
            return np.asarray(content["A"])
    except Exception as error:  # a damaged file raises whatever the HDF5 library happens to trip over
        raise SourceError(file, f"not a MATLAB v7.3 file with an array A ({error})", fix=_FOREIGN) from error


def _without_broken_frames(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates, and (T,) bool in which frames the body was seen: neither NaN nor all zero."""
    finite = np.all(np.isfinite(xyz), axis=(1, 2))
    if not finite.all():
        note = f"NaN or infinity in {(~finite).sum()} of {len(finite)} frames, which are taken as absent"
        warnings.warn(note, SourceWarning, stacklevel=2)
    xyz = np.where(finite[:, None, None], xyz, np.float32(0))
    return xyz, np.any(xyz, axis=(1, 2))
