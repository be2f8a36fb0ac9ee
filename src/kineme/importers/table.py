"""Tables of joints, one CSV file per recording, in one of two forms:

    frame,head_x,head_y,head_z,neck_x,...        wide: a row per frame
    0,0.01,1.62,3.10,0.02,...

    frame,joint,x,y,z                            long: a row per joint
    0,head,0.01,1.62,3.10

``z`` may be absent; ``c`` is a confidence. A column ``body`` numbers the people, a column ``time`` gives seconds. A
joint with an empty cell was not found. The order of rows and columns does not matter.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.base import Importer
from kineme.importers.csv_sheet import Sheet, read_sheet
from kineme.importers.joints import match_joints
from kineme.importers.pictures import PictureSize, picture_size, require_picture

_MOST_ABSENT = 100  # body-frames (long: joints of them) for each row
_OUTSIDE = 20  # widths of a picture; further away are pixels
_KEYS = ("frame", "body", "time", "joint")


@importers.register("csv")
@dataclass(frozen=True)
class Table(Importer):
    """CSV tables, one recording each, with a column for each coordinate of a joint or a row for each joint.

    Args:
        image_size: width and height of the picture in pixels, where coordinates are pixels.
    """

    image_size: PictureSize = None

    name = "csv"
    layout_name = ""
    suffix = ".csv"
    example = "walk.csv"

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        sheet = read_sheet(source.file)
        starts, axes = _value_columns(sheet)
        joints, values = _arrange(sheet, starts, axes)
        values = values[:, :, match_joints(joints, self.layout, source.file)]
        found = np.logical_not(np.isnan(values).any(axis=3))
        values = np.where(found[..., None], values, 0).astype(np.float32)
        num_axes = len(axes.rstrip("c"))
        clip = Clip(
            id=source.id,
            xyz=self._in_units(values[..., :num_axes], source.file),
            present=np.asarray(found.any(axis=2)),
            fps=self.fps or _fps(sheet),
            confidence=values[..., num_axes] if "c" in axes else found.astype(np.float32),
        )
        return [clip]

    def _in_units(self, xyz: np.ndarray, file: RawFile) -> np.ndarray:
        """Coordinates in the layout's unit: pixels are divided by the size of the picture."""
        in_metres_or_normalised = self.layout.unit == "m" or np.abs(xyz[..., :2]).max() < _OUTSIDE
        if self.image_size is None and in_metres_or_normalised:
            return xyz
        require_picture(self.layout, file)
        return np.concatenate([xyz[..., :2] / picture_size(self.image_size, file), xyz[..., 2:]], axis=3)


def _value_columns(sheet: Sheet) -> tuple[list[str], str]:
    """What the columns of each joint begin with ("" in the long form), and the letters in which they end."""
    names = [name for name in sheet.columns if name not in _KEYS]
    starts = list(dict.fromkeys(name[:-1] for name in names))
    axes = "".join(axis for axis in "xyzc" if starts and starts[0] + axis in names)
    expected = {start + axis for start in starts for axis in axes}
    long = "joint" in sheet.columns
    problem = ""
    if "frame" not in sheet.columns:
        problem = "no column frame"
    elif axes not in ("xy", "xyz", "xyc", "xyzc") or (starts != [""] if long else not all(map(_is_start, starts))):
        problem = f"expected columns {'x, y' if long else 'such as head_x, head_y'}, found {', '.join(names)!r:.60}"
    elif set(names) != expected:
        problem = f"every joint needs the same columns; odd: {', '.join(sorted(set(names) ^ expected))!r:.60}"
    if problem:
        raise SourceError(sheet.file, problem, line=1, fix="docs/importing/csv.md shows both forms")
    return starts, axes


def _is_start(start: str) -> bool:
    return len(start) > 1 and start[-1] == "_"


def _arrange(sheet: Sheet, starts: list[str], axes: str) -> tuple[list[str], np.ndarray]:
    """Names of the J joints, and (M, T, J, axes) values, NaN where there is none."""
    values = sheet.numbers([start + axis for start in starts for axis in axes])
    values = values.reshape(-1, len(starts), len(axes))
    frame = sheet.whole("frame")
    body = sheet.whole("body") if "body" in sheet.columns else np.zeros_like(frame)
    place = [np.unique(body, return_inverse=True)[1], frame - frame.min()]
    joints = [start[:-1] for start in starts]
    if "joint" in sheet.columns:
        names, joint = np.unique(sheet.text("joint"), return_inverse=True)
        joints, values, place = names.tolist(), values[:, 0], [*place, joint]
    shape = [int(numbers.max()) + 1 for numbers in place]
    _check_places(sheet, place, shape)
    arranged = np.full((*shape[:2], len(joints), len(axes)), np.nan)
    arranged[tuple(place)] = values
    return joints, arranged


def _check_places(sheet: Sheet, place: list[np.ndarray], shape: list[int]) -> None:
    """Refuse two rows for one thing, and frame numbers with such gaps that most of the recording would be empty."""
    if prod(shape) > _MOST_ABSENT * len(sheet.lines):
        problem = f"{shape[0]} bodies and frame numbers {shape[1]} apart, but only {len(sheet.lines)} rows"
        raise SourceError(sheet.file, problem, fix="number the frames 0, 1, 2 and so on")
    places = np.ravel_multi_index(place, shape)
    first = np.unique(places, return_index=True)[1]
    if len(first) < len(places):
        row = np.setdiff1d(np.arange(len(places)), first)[0]
        same = [f"{key} {sheet.text(key)[row]}" for key in ("frame", "body", "joint") if key in sheet.columns]
        raise SourceError(sheet.file, f"a second row for {', '.join(same)}", line=sheet.lines[row])


def _fps(sheet: Sheet) -> float:
    """Frames per second by the column of times; 0 without one, or with one frame only."""
    frame = sheet.whole("frame")
    if "time" not in sheet.columns or frame.min() == frame.max():
        return 0.0
    time = sheet.numbers(["time"])[:, 0]
    first, last = frame.argmin(), frame.argmax()
    frames, seconds = float(frame[last] - frame[first]), float(time[last] - time[first])
    if not frames / 1e5 < seconds < 1e9:
        problem = f"time goes from {time[first]:g} to {time[last]:g} in {frames:g} frames"
        raise SourceError(sheet.file, problem, line=sheet.lines[last], fix="expected seconds that rise")
    return round(frames / seconds, 2)
