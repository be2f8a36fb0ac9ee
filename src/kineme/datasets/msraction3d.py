"""MSR Action3D: text files of the Kinect v1, one clip each; a line ``x y z confidence`` per joint, 20 per frame."""

import re
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source
from kineme.datasets.names import label_of, name_numbers
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 15.0
_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_skeleton3D")


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
        named = [file for file in files if file.suffix == self.suffix and _NAME.fullmatch(file.stem)]
        return [Source(file.stem.removesuffix("_skeleton3D"), (file,)) for file in named]

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        like = "a01_s01_e01_skeleton3D (action, subject, episode)"
        action, subject, episode = name_numbers(source.file, _NAME, like)
        label = label_of(source.file, action, len(self.classes))
        frames = _frames(source.file, self.layout.num_joints)
        # Not kept as confidences: the fourth value is 0 for whole joints with sound coordinates.
        xyz = np.ascontiguousarray(frames[..., :3])
        clip = Clip(
            id=source.id,
            xyz=xyz,
            present=np.any(xyz, axis=(2, 3)),
            label=label,
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
