"""UTD-MHAD: MATLAB files of the Kinect v1, one clip each, with the joints as ``d_skel`` (20, 3, T)."""

import re
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.matlab_format import read_array
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 30.0
_NAME = re.compile(r"(a(\d\d?)_s(\d\d?)_t(\d\d?))_skeleton")
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
        named = ((_NAME.fullmatch(file.stem), file) for file in files if file.suffix == self.suffix)
        return [Source(name[1], (file,)) for name, file in named if name]

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        name = _NAME.fullmatch(source.file.stem)
        if name is None:
            problem = "expected a name like a1_s1_t1_skeleton (action, subject, trial)"
            raise SourceError(source.file, problem, fix="give the file its original name, or remove it")
        action, subject, trial = (int(number) for number in name.groups()[1:])
        if not 1 <= action <= len(self.classes):
            problem = f"action a{action} does not exist, only a1 to a{len(self.classes)}"
            raise SourceError(source.file, problem, fix=_FOREIGN)
        xyz = _coordinates(source.file, self.layout.num_joints)
        present = np.ones((1, len(xyz)), bool)
        clip = Clip(
            id=name[1],
            xyz=xyz[None],
            present=present,
            label=action - 1,
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
    with np.errstate(over="ignore", invalid="ignore"):  # told as infinity below
        xyz = np.ascontiguousarray(joints.transpose(2, 0, 1), np.float32)
    finite = np.isfinite(xyz).all(axis=(1, 2))
    if not finite.all():
        problem = f"NaN or infinity in frame {finite.argmin() + 1}"
        raise SourceError(file, problem, fix="repair the frame, or leave the file out")
    return xyz
