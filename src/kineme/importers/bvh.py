"""BVH motion capture: a skeleton as nested joints, then its channels frame by frame.

    HIERARCHY
    ROOT Hips
    {
      OFFSET 0 0 0                                    from the parent joint
      CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
      JOINT Spine { ... }                             or End Site { OFFSET x y z }, which is not a joint
    }
    MOTION
    Frames: 128
    Frame Time: 0.0333333                             seconds
    0 93.5 -9.02 88.9 -5.14 4.54 ...                  a line per frame, the channels in the order of the joints

Rotations are degrees and multiply from left to right in the order of their channels. Position channels, which any
joint may have, take the place of its offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.json_files import parse_json
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.base import Importer, require_option
from kineme.importers.bvh_format import parse_bvh
from kineme.importers.bvh_hierarchy import BVHJoint
from kineme.importers.joints import match_joints
from kineme.importers.rotations import euler_matrices


@importers.register("bvh")
@dataclass(frozen=True)
class BVH(Importer):
    """BVH files, one clip of one body each.

    A file ``<stem>.json`` beside ``<stem>.bvh`` that holds ``{"content": 6, "style": 11}``, as those of the
    Bandai-Namco Research Motion Dataset do, gives label and setup.

    Args:
        scale: metres per unit of length in the files, which do not say; the usual one is the centimetre.
    """

    scale: float = 0.01

    name = "bvh"
    layout_name = ""
    suffix = ".bvh"
    example = "walk.bvh"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_option("scale", self.scale, 0 < self.scale < 1e6, "metres per unit, such as 0.01")

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every BVH file, with the JSON file beside it where there is one."""
        beside = {_without_suffix(file): (file,) for file in files if file.suffix == ".json"}
        recordings = [file for file in files if file.suffix == self.suffix]
        return [Source(file.stem, (file, *beside.get(_without_suffix(file), ()))) for file in recordings]

    def own_classes(self) -> tuple[str, ...]:
        """ "content 0" and so on, as far as the JSON files go."""
        return tuple(f"content {k}" for k in range(max(map(_content, self.find(self.path))) + 1))

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        motion = parse_bvh(source.file, source.file.read_bytes())
        wanted = match_joints([joint.name for joint in motion.joints], self.layout, source.file)
        with np.errstate(over="ignore", invalid="ignore"):  # told as infinity below
            xyz = (_positions(motion.joints, motion.values)[:, wanted] * self.scale).astype(np.float32)
        if not np.isfinite(xyz).all():
            raise SourceError(source.file, "positions without bounds", fix="look for absurd offsets and channels")
        labels = _labels(source)
        clip = Clip(
            id=source.id,
            xyz=xyz[None],
            present=np.ones((1, len(xyz)), bool),
            label=labels.get("content"),
            setup=labels.get("style", -1),
            fps=self.fps or motion.fps,
        )
        return [clip]


def _positions(joints: Sequence[BVHJoint], values: np.ndarray) -> np.ndarray:
    """(T, J, 3) where the joints are, by going through the tree once with all frames."""
    positions = np.empty((len(values), len(joints), 3))
    turns: list[np.ndarray] = []
    first = 0
    for i, joint in enumerate(joints):
        channels = values[:, first : first + len(joint.channels)]
        first += len(joint.channels)
        position, turn = _local(joint, channels)
        if joint.parent >= 0:
            position = positions[:, joint.parent] + (turns[joint.parent] @ position[..., None])[..., 0]
            turn = turns[joint.parent] @ turn
        positions[:, i] = position
        turns.append(turn)
    return positions


def _local(joint: BVHJoint, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) place and (T, 3, 3) turn of a joint in its parent's frame."""
    place = np.tile(joint.offset, (len(channels), 1))
    rotations = [k for k, channel in enumerate(joint.channels) if channel.endswith("rotation")]
    for k, channel in enumerate(joint.channels):
        if k not in rotations:
            place[:, "xyz".index(channel[0])] = channels[:, k]
    axes = [joint.channels[k][0] for k in rotations]
    return place, euler_matrices(np.radians(channels[:, rotations]), axes)


def _without_suffix(file: RawFile) -> str:
    return str(file)[: -len(file.suffix)]


def _content(source: Source) -> int:
    """Label of a recording, -1 for none; a JSON file that is wrong is reported when its recording is read."""
    try:
        return _labels(source).get("content", -1)
    except SourceError:
        return -1


def _labels(source: Source) -> dict[str, int]:
    """What the JSON file beside a recording says; nothing where there is none, or one about something else."""
    if len(source.files) == 1:
        return {}
    found = parse_json(source.files[1])
    labels = {key: found[key] for key in ("content", "style") if key in found} if isinstance(found, dict) else {}
    if any(type(number) is not int or not 0 <= number < 1000 for number in labels.values()):
        problem = f"expected content and style as whole numbers from 0 to 999, found {labels!r:.80}"
        raise SourceError(source.files[1], problem, fix="correct it, or move it away and give labels with --labels")
    return labels
