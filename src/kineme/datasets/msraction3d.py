"""MSR Action3D: text files of the Kinect v1, one clip each; a line ``x y z confidence`` per joint, 20 per frame."""

import re
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 15.0
_NAME = re.compile(r"(a(\d\d)_s(\d\d)_e(\d\d))_skeleton3D")


@datasets.register("msraction3d")
class MSRAction3D(Dataset):
    """MSR Action3D: 567 single-body recordings of 20 actions by 10 subjects, one of them without any joint.

    The replication of a clip is its episode. See ``docs/datasets/msraction3d.md``.

    Source: Li et al., "Action Recognition Based on a Bag of 3D Points", CVPR Workshops 2010.
    """

    name = "msraction3d"
    layout_name = "msr20"
    suffix = ".txt"
    example = "a01_s01_e01_skeleton3D.txt"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """The files in metres; those called ``_skeleton.txt`` hold the same joints in the picture."""
        named = ((_NAME.fullmatch(file.stem), file) for file in files if file.suffix == self.suffix)
        return [Source(name[1], (file,)) for name, file in named if name]

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        name = _NAME.fullmatch(source.file.stem)
        if name is None:
            problem = "expected a name like a01_s01_e01_skeleton3D (action, subject, episode)"
            raise SourceError(source.file, problem, fix="give the file its original name, or remove it")
        action, subject, episode = (int(number) for number in name.groups()[1:])
        if not 1 <= action <= len(self.classes):
            problem = f"action a{action:02d} does not exist, only a01 to a{len(self.classes)}"
            raise SourceError(source.file, problem, fix="give the file its original name, or remove it")
        frames = _frames(source.file, self.layout.num_joints)
        # Not kept as confidences: the fourth value is 0 for whole joints with sound coordinates.
        xyz = np.ascontiguousarray(frames[..., :3])
        clip = Clip(
            id=name[1],
            xyz=xyz,
            present=np.any(xyz, axis=(2, 3)),
            label=action - 1,
            subject=subject,
            replication=episode,
            fps=FPS,
        )
        return [clip]


def _frames(file: RawFile, num_joints: int) -> np.ndarray:
    """(1, T, V, 4) float32 coordinates and confidences."""
    rows = read_rows(file, 4)
    whole, rest = divmod(len(rows), num_joints)
    if rest:
        problem = f"the file ends within frame {whole + 1}, after {rest} of {num_joints} joints"
        raise SourceError(file, problem, line=len(rows), fix="unpack the file again, or leave it out")
    return rows.astype(np.float32).reshape(1, whole, num_joints, 4)
