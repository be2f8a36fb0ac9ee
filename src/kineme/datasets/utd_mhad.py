"""UTD-MHAD: MATLAB files of the Kinect v1, one clip each, with the joints as ``d_skel`` (20, 3, T)."""

import re
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.coordinates import as_float32
from kineme.datasets.matlab_format import read_array
from kineme.datasets.names import label_of, name_numbers
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 30.0
_NAME = re.compile(r"a(\d\d?)_s(\d\d?)_t(\d\d?)_skeleton")
_VARIABLE = "d_skel"
_FOREIGN = "this is no skeleton file of UTD-MHAD, or a damaged one: remove it, or unpack it again"


@datasets.register("utd_mhad")
class UTDMHAD(Dataset):
    """UTD-MHAD: 861 single-body recordings of 27 actions by 8 subjects.

    The replication of a clip is its trial. See ``docs/datasets/utd_mhad.md``.

    Source: Chen et al., "UTD-MHAD: A Multimodal Dataset for Human Action Recognition Utilizing a Depth Camera and a
    Wearable Inertial Sensor", ICIP 2015.
    """

    name = "utd_mhad"
    layout_name = "utd20"
    suffix = ".mat"
    example = "a1_s1_t1_skeleton.mat"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """The skeleton files; depth and inertial recordings of the download are MATLAB files too."""
        named = [file for file in files if file.suffix == self.suffix and _NAME.fullmatch(file.stem)]
        return [Source(file.stem.removesuffix("_skeleton"), (file,)) for file in named]

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        action, subject, trial = name_numbers(source.file, _NAME, "a1_s1_t1_skeleton (action, subject, trial)")
        label = label_of(source.file, action, len(self.classes))
        xyz = _coordinates(source.file, self.layout.num_joints)
        clip = Clip(
            id=source.id,
            xyz=xyz[None],
            present=np.any(xyz, axis=(1, 2))[None],
            label=label,
            subject=subject,
            replication=trial,
            fps=FPS,
        )
        return [clip]


def _coordinates(file: RawFile, num_joints: int) -> np.ndarray:
    """(T, V, 3) float32 metres."""
    joints = read_array(file, _VARIABLE)
    if joints.ndim != 3 or joints.shape[:2] != (num_joints, 3) or not joints.size:
        shape = " x ".join(str(length) for length in joints.shape)
        problem = f"expected {_VARIABLE} as {num_joints} joints x 3 x frames, found {shape}"
        raise SourceError(file, problem, fix=_FOREIGN)
    return as_float32(joints.transpose(2, 0, 1), file)
