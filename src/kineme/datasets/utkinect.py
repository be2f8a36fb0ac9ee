"""UTKinect-Action3D: text files of the Kinect v1, ten actions each, and one file that says where these lie.

joints_s01_e01.txt:   <frame number> x0 y0 z0 ... x19 y19 z19      per stored frame
actionLabel.txt:      s01_e01                                      per recording, and then per action
                      walk: <first frame number> <last frame number>
"""

import re
import warnings
from collections.abc import Sequence

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.names import name_numbers, one_named
from kineme.datasets.number_rows import read_rows
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 15.0
_NAME = re.compile(r"joints_s(\d\d)_e(\d\d)")
_LABELS = "actionLabel.txt"
_GAP = 10  # more than frame numbers of stored frames normally differ by
_SPAN = r"(\d{1,9}|NaN)"


@datasets.register("utkinect")
class UTKinect(Dataset):
    """UTKinect-Action3D: 199 clips of 10 actions by 10 subjects, cut from 20 recordings.

    The replication of a clip is its episode. See ``docs/datasets/utkinect.md``.

    Source: Xia et al., "View Invariant Human Action Recognition Using Histograms of 3D Joints", CVPR Workshops 2012.
    """

    name = "utkinect"
    layout_name = "kinect20"
    suffix = ".txt"
    example = "joints_s01_e01.txt"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """The recordings, each with the file of labels."""
        labels = one_named(files, _LABELS)
        named = [file for file in files if file.suffix == self.suffix and _NAME.fullmatch(file.stem)]
        return [Source(file.stem.removeprefix("joints_"), (file, labels) if labels else (file,)) for file in named]

    def read(self, source: Source) -> list[Clip]:
        """The clip of each labelled action, called like ``s01_e01.01_walk``; see `Dataset.read`."""
        subject, episode = name_numbers(source.file, _NAME, "joints_s01_e01 (subject, episode)")
        number, xyz = _frames(source.file, self.layout.num_joints)
        if len(source.files) < 2:
            fix = f"put {_LABELS} of the download beside the recordings"
            raise SourceError(source.file, f"no {_LABELS} says which actions it holds", fix=fix)
        clips = []
        for label, span in enumerate(_spans(source.files[1], source.id, self.classes)):
            action = self.classes[label]
            inside = _inside(number, *span, action)
            clip = Clip(
                id=f"{source.id}.{label + 1:02d}_{action}",
                xyz=xyz[None, inside],
                present=np.any(xyz[None, inside], axis=(2, 3)),
                label=label,
                subject=subject,
                replication=episode,
                fps=FPS,
            )
            clips += [clip] if inside.any() else []
        return clips


def _inside(number: np.ndarray, first: float, last: float, action: str) -> np.ndarray:
    """(T,) bool, which frames an action is made of; a warning where it has none, or the recording ends before it."""
    inside = (number >= first) & (number <= last)
    if not inside.any():
        what = "the label says NaN" if np.isnan(first + last) else f"no frame is stored from {first:g} to {last:g}"
        warnings.warn(f"{action} left out: {what}", SourceWarning, stacklevel=3)
    elif last > number[-1] + _GAP:
        text = f"{action} may have lost its end: labelled to frame {last:g}, the recording ends at {number[-1]:g}"
        warnings.warn(text, SourceWarning, stacklevel=3)
    return inside


def _frames(file: RawFile, num_joints: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) ascending frame numbers and (T, V, 3) float32 metres; of frames of one number the first."""
    rows = read_rows(file, 1 + 3 * num_joints)
    numbers = rows[:, 0]
    if (numbers % 1).any():
        row = int((numbers % 1).argmax())
        problem = f"expected a whole frame number, found {numbers[row]:g}"
        raise SourceError(file, problem, line=row + 1, fix="unpack the file again, or leave it out")
    falls = np.diff(numbers, prepend=0) < 0
    if falls.any():
        text = f"frame numbers descend at line {falls.argmax() + 1}: frames were put in their order"
        warnings.warn(text, SourceWarning, stacklevel=3)
    number, first = np.unique(numbers, return_index=True)
    return number, rows[first, 1:].astype(np.float32).reshape(-1, num_joints, 3)


def _spans(file: RawFile, recording: str, actions: Sequence[str]) -> list[tuple[float, float]]:
    """First and last frame number of each action; NaN where the authors give none."""
    lines = [line.decode("ascii", errors="replace").strip() for line in file.read_bytes().splitlines()]
    if recording not in lines:
        raise SourceError(file, f"no block {recording}", fix="unpack the file again")
    at = lines.index(recording) + 1
    lines += [""] * len(actions)  # a block that was cut off
    return [_span(file, at + i, lines[at + i], action) for i, action in enumerate(actions)]


def _span(file: RawFile, at: int, line: str, action: str) -> tuple[float, float]:
    span = re.fullmatch(rf"{action}:\s*{_SPAN}\s+{_SPAN}", line)
    if span is None:
        problem = f"expected '{action}: <first frame> <last frame>', found {line!r:.40}"
        raise SourceError(file, problem, line=at + 1, fix="unpack the file again")
    return float(span[1]), float(span[2])
