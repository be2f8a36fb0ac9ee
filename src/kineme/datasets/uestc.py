"""UESTC RGB-D varying-view: recordings of the Kinect v2 from the front and, at the same time, from around."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.names import RENAME, name_numbers
from kineme.datasets.raw_files import RawFile
from kineme.datasets.uestc_format import parse_points, same_content
from kineme.errors import ConfigError, SourceError

FPS = 30.0
_NAME = re.compile(r"a(\d{1,2})_d([1-8])_p(\d{1,3})_c([12])_skeleton")
_COPY = re.compile(r"(a\d+)_d([567])_(p\d+_c1)")  # from the front; the original is of direction 3, 2 or 1
_SUBJECTS = 118
_VARYING = 8  # direction in which the side camera goes round


@datasets.register("uestc")
@dataclass(frozen=True)
class UESTC(Dataset):
    """UESTC RGB-D varying-view: 25,600 recordings of 40 exercises by 118 people from 8 fixed views and a moving one.

    The camera of a clip is its view: 0 in front, 1 to 7 at the side, 8 moving; its setup is the direction that was
    recorded with it. See ``docs/datasets/uestc.md``.

    Source: Ji et al., "A Large-scale RGB-D Database for Arbitrary-view Human Action Recognition", ACM Multimedia 2018.

    Args:
        window: frames per clip of the long recordings, those of the moving view and the front ones made with them;
            0 keeps them whole.

    Raises:
        ConfigError: a negative window.
    """

    window: int = 180

    name = "uestc"
    layout_name = "kinect25"
    suffix = "_skeleton.txt"
    example = "a0_d1_p001_c1_skeleton.txt"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window < 0:
            raise ConfigError(
                f"window of uestc: expected a number of frames, or 0 for whole clips, found {self.window}"
            )

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Text files, and ``.mat`` files without one; with a front recording comes the one it may be a copy of."""
        named = [(_id(file), file) for file in files if file.name.lower().endswith((self.suffix, "_skeleton.mat"))]
        texts = {id for id, file in named if file.suffix == ".txt"}
        used = [(id, file) for id, file in named if file.suffix == ".txt" or id not in texts]
        by_id = {(id, file.suffix): file for id, file in used}
        originals = [by_id.get((_original(id), file.suffix)) for id, file in used]
        return [
            Source(id, (file, original) if original else (file,))
            for (id, file), original in zip(used, originals, strict=True)
        ]

    def read(self, source: Source) -> list[Clip]:
        """The clips of a file, none where it is a copy; see `Dataset.read`."""
        action, direction, subject, camera = self._parse_name(source.file)
        copied = [original for original in source.files[1:] if same_content(source.file, original)]
        if copied:
            warnings.warn(f"left out: the same front recording as {copied[0].name}", SourceWarning, stacklevel=2)
            return []
        xyz = parse_points(source.file, self.layout.num_joints)
        clips = [
            Clip(
                id=f"{source.id}{suffix}",
                xyz=part[None],
                present=np.any(part, axis=(1, 2))[None],
                label=action,
                subject=subject,
                camera=0 if camera == 1 else direction,
                setup=direction,
                fps=FPS,
            )
            for suffix, part in _windows(xyz, self.window if direction == _VARYING else 0)
        ]
        return [clip for clip in clips if clip.present.any()] or clips[:1]  # a store refuses clips of nobody

    def _parse_name(self, file: RawFile) -> tuple[int, ...]:
        numbers = name_numbers(file, _NAME, "a0_d1_p001_c1_skeleton (action, direction, person, camera)")
        action, _, subject, _ = numbers
        if action >= len(self.classes) or not 1 <= subject <= _SUBJECTS:
            there_are = f"only a0 to a{len(self.classes) - 1} of p1 to p{_SUBJECTS}"
            raise SourceError(file, f"a{action} of p{subject} does not exist, {there_are}", fix=RENAME)
        return numbers


def _id(file: RawFile) -> str:
    """Name of a recording, whether the file writes p1, p01 or p001."""
    name = _NAME.fullmatch(file.stem)
    return "a{}_d{}_p{:03d}_c{}".format(*map(int, name.groups())) if name else file.stem


def _original(id: str) -> str:
    """Id of the recording that this one may be a copy of, or ""."""
    name = _COPY.fullmatch(id)
    return f"{name[1]}_d{8 - int(name[2])}_{name[3]}" if name else ""


def _windows(xyz: np.ndarray, window: int) -> list[tuple[str, np.ndarray]]:
    """Consecutive parts and the suffixes of their ids; half a window or more at the end is a part of its own."""
    count = int(len(xyz) / window + 0.5) if window else 1
    if count <= 1:
        return [("", xyz)]
    digits = max(2, len(str(count)))
    starts = range(window, count * window, window)
    return [(f".w{i:0{digits}d}", part) for i, part in enumerate(np.split(xyz, starts), start=1)]
