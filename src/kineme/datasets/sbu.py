"""SBU Kinect Interaction: two people at a time, as the authors' ``skeleton_pos.txt`` files (OpenNI, 15 joints).

Every line is ``frame, x, y, z, x, y, z, ...`` with the joints of one person and then those of the other. Pair,
action and trial are the names of the three folders above the file: ``s01s02/01/001/skeleton_pos.txt``.
"""

import re
import warnings
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.names import label_of
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

_PLACE = re.compile(r"(s\d\ds\d\d)/(\d\d)/(\d\d\d)/(?i:skeleton_pos\.txt)$")
_PAIRS = (
    *("s01s02", "s01s03", "s01s07", "s02s01", "s02s03", "s02s06", "s02s07", "s03s02", "s03s04", "s03s05", "s03s06"),
    *("s04s02", "s04s03", "s04s06", "s05s02", "s05s03", "s06s02", "s06s03", "s06s04", "s07s01", "s07s03"),
)  # all 21, so that those of a partial download have the same numbers
_PEOPLE = 2
_FOLDERS = "keep the folders of the download: s01s02/01/001/skeleton_pos.txt is pair, action and trial"


@datasets.register("sbu")
class SBU(Dataset):
    """SBU Kinect Interaction: 282 recordings of 8 interactions between the two people of 21 pairs.

    The setup of a clip is the number of its pair from 1, the subject the first person of the pair, the replication
    the trial. The first body is the first person. See ``docs/datasets/sbu.md``.

    Source: Yun et al., "Two-person Interaction Detection Using Body-Pose Features and Multiple Instance Learning",
    CVPR Workshops 2012.
    """

    name = "sbu"
    layout_name = "sbu15"
    suffix = "skeleton_pos.txt"
    example = "s01s02/01/001/skeleton_pos.txt"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every file of the one name, called after its folders."""
        return [Source(_id(file), (file,)) for file in files if file.name.lower() == self.suffix]

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        pair, action, trial = _parse_folders(source.file)
        label = label_of(source.file, action, len(self.classes), _FOLDERS)
        xyz = _coordinates(source.file, self.layout.num_joints)
        clip = Clip(
            id=source.id,
            xyz=xyz,
            present=np.any(xyz, axis=(2, 3)),
            label=label,
            subject=int(pair[1:3]),
            setup=_PAIRS.index(pair) + 1,
            replication=trial,
        )
        return [clip]


def _coordinates(file: RawFile, num_joints: int) -> np.ndarray:
    """(2, T, V, 3) float32; a warning where the frames are not numbered one after the other."""
    rows = read_rows(file, 1 + _PEOPLE * num_joints * 3)
    jumps = np.diff(rows[:, 0]) != 1
    if jumps.any():
        text = f"frame numbers jump at line {jumps.argmax() + 2}: lines may be missing or doubled"
        warnings.warn(text, SourceWarning, stacklevel=3)
    return rows[:, 1:].reshape(-1, _PEOPLE, num_joints, 3).swapaxes(0, 1).astype(np.float32, order="C")


def _parse_folders(file: RawFile) -> tuple[str, int, int]:
    place = _PLACE.search(file.location.as_posix())
    if place is None:
        raise SourceError(file, "the label is unknown without the folders above the file", fix=_FOLDERS)
    if place[1] not in _PAIRS:
        raise SourceError(file, f"{place[1]} is none of the {len(_PAIRS)} pairs of people", fix=_FOLDERS)
    return place[1], int(place[2]), int(place[3])


def _id(file: RawFile) -> str:
    place = _PLACE.search(file.location.as_posix())
    return "_".join(place.groups()) if place else file.stem
