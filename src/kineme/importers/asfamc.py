"""ASF/AMC motion capture, the format of the CMU database: a skeleton per subject, and a file for each motion."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.amc_format import Motion, parse_amc
from kineme.importers.asf_format import Bone, Skeleton, parse_asf
from kineme.importers.base import Importer
from kineme.importers.joints import match_joints
from kineme.importers.rotations import euler_matrices

_FPS = 120.0  # of the CMU database; the files do not say
_NAME = re.compile(r"(\d{1,9})_(\d{1,9})")


@importers.register("asfamc")
@dataclass(frozen=True)
class ASFAMC(Importer):
    """ASF/AMC motion capture, one clip of one body each.

    The skeleton of ``02_01.amc`` is ``02.asf`` beside it, or else the only one there. Such a name also gives the
    subject and, as replication, the trial. 120 frames per second unless told otherwise, as in the CMU database.
    """

    name = "asfamc"
    layout_name = "cmu31"
    suffix = ".amc"
    example = "02_01.amc"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every motion with the skeleton of its subject, where there is one."""
        skeletons: dict[object, dict[str, RawFile]] = {}
        for file in files:
            if file.suffix == ".asf":
                skeletons.setdefault(_folder(file), {})[file.stem] = file
        motions = [file for file in files if file.suffix == self.suffix]
        return [Source(file.stem, (file, *_skeleton(file, skeletons.get(_folder(file), {})))) for file in motions]

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        if len(source.files) == 1:
            subject = source.file.stem.partition("_")[0]
            fix = f"put {subject}.asf beside it, and import the folder that holds both"
            raise SourceError(source.file, "which .asf is its skeleton is not clear", fix=fix)
        motion_file, skeleton_file = source.files
        skeleton = parse_asf(skeleton_file, skeleton_file.read_bytes())
        dof = {bone.name: len(bone.dof) for bone in skeleton.bones if bone.dof}
        motion_text = motion_file.read_bytes()
        motion = parse_amc(motion_file, motion_text, dof)
        if len(skeleton.bones) * motion.length > len(motion_text):  # small files could otherwise fill any memory
            problem = f"{len(skeleton.bones)} bones, most of them without dof"
            raise SourceError(skeleton_file, problem, fix="the file is damaged: fetch it again")
        wanted = match_joints([bone.name for bone in skeleton.bones], self.layout, skeleton_file)
        with np.errstate(over="ignore", invalid="ignore"):  # told as infinity below
            xyz = _positions(skeleton, motion)[:, wanted].astype(np.float32)
        if not np.isfinite(xyz).all():
            raise SourceError(motion_file, "positions without bounds", fix="look for absurd values")
        name = _NAME.fullmatch(source.file.stem)
        clip = Clip(
            id=source.id,
            xyz=xyz[None],
            present=np.ones((1, motion.length), bool),
            subject=int(name[1]) if name else -1,
            replication=int(name[2]) if name else -1,
            fps=self.fps or _FPS,
        )
        return [clip]


def _positions(skeleton: Skeleton, motion: Motion) -> np.ndarray:
    """(T, bones, 3) metres: where each bone ends, by going through the tree once with all frames."""
    positions = np.empty((motion.length, len(skeleton.bones), 3))
    turns: list[np.ndarray] = []
    for i, bone in enumerate(skeleton.bones):
        shift, turn = _local(bone, motion)
        if bone.parent >= 0:
            turn = turns[bone.parent] @ turn
            positions[:, i] = positions[:, bone.parent] + turn @ bone.reach
        else:
            positions[:, i] = bone.reach + shift * skeleton.unit
        turns.append(turn)
    return positions


def _local(bone: Bone, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) shift in file units and (T, 3, 3) turn of a bone against its parent."""
    values = motion.values.get(bone.name, np.zeros((motion.length, 0)))
    shift = np.zeros((motion.length, 3))
    rotations = [k for k, dof in enumerate(bone.dof) if dof[0] == "r"]
    for k, dof in enumerate(bone.dof):
        if k not in rotations:
            shift[:, "xyz".index(dof[1])] = values[:, k]
    angles = np.radians(values[:, rotations]) if motion.degrees else values[:, rotations]
    # The first rotation is done first, about axes that stay: it is the last factor.
    turn = euler_matrices(angles[:, ::-1], [bone.dof[k][1] for k in reversed(rotations)])
    return shift, bone.frame @ turn @ bone.frame.T


def _folder(file: RawFile) -> tuple[Path | None, PurePath]:
    return file.path if file.member else None, file.location.parent


def _skeleton(motion: RawFile, beside: dict[str, RawFile]) -> tuple[RawFile, ...]:
    """The skeleton of a motion's subject among those in its folder."""
    subject = motion.stem.partition("_")[0]
    if subject in beside:
        return (beside[subject],)
    return tuple(beside.values()) if len(beside) == 1 else ()
