"""NTU RGB+D 60 and 120: the ``.skeleton`` files of the Kinect v2, one clip each."""

from collections.abc import Sequence
from functools import cached_property

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, read_list
from kineme.datasets.ntu_format import FastReader, fastest_reader, parse_skeleton
from kineme.datasets.ntu_names import NTU_NAME, ntu_action, ntu_facts
from kineme.datasets.ntu_reference import reference_bodies
from kineme.datasets.ntu_stgcn import first_bodies
from kineme.datasets.ntu_tracks import tracked_bodies
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FPS = 30.0
_MAKE_BODIES = {"default": tracked_bodies, "reference": reference_bodies, "stgcn": first_bodies}


class _NTU(Dataset):
    """What the two editions share; see ``docs/datasets/ntu.md``.

    ``preparation="default"`` follows `kineme.datasets.ntu_tracks`, ``"reference"`` the scripts of the field
    (`kineme.datasets.ntu_reference`), ``"stgcn"`` the older ones of ST-GCN (`kineme.datasets.ntu_stgcn`).
    """

    layout_name = "kinect25"
    suffix = ".skeleton"
    example = "S001C001P001R001A001.skeleton"
    preparations = tuple(_MAKE_BODIES)

    @cached_property
    def listed_missing(self) -> frozenset[str]:
        """Samples whose skeletons the authors call missing or incomplete."""
        return frozenset(read_list(f"data/{self.name}_missing.txt"))

    def missing(self, files: Sequence[RawFile]) -> frozenset[str]:
        """The authors' list, and any such list that lies with the files: text whose name has ``missing_skeletons``."""
        lists = [file for file in files if file.suffix == ".txt" and "missing_skeletons" in file.name.lower()]
        named = (NTU_NAME.findall(file.read_bytes().decode("ascii", errors="replace")) for file in lists)
        return self.listed_missing | {name for names in named for name, *_ in names}

    @property
    def fast_reader(self) -> FastReader:
        """How texts are read; decides nothing but the time it takes."""
        return fastest_reader()

    @property
    def keeps_empty(self) -> bool:
        """True of ``"stgcn"``, whose script keeps a recording of nobody as zeros."""
        return self.preparation == "stgcn"

    def read(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Dataset.read`."""
        action = _action(source.file)
        if not 1 <= action <= len(self.classes):
            problem = f"class A{action:03d} is out of range, {self.name} has A001 to A{len(self.classes):03d}"
            fix = "this is a file of NTU RGB+D 120: prepare it as ntu120" if 60 < action <= 120 else "rename the file"
            raise SourceError(source.file, problem, fix=fix)
        recording = parse_skeleton(source.file, source.file.read_bytes(), self.layout.num_joints, self.fast_reader)
        if not (recording.bodies or self.keeps_empty):
            problem = f"no body in any of the {recording.num_frames} frames"
            raise SourceError(source.file, problem, fix="nobody was tracked: leave it out")
        xyz, present = _MAKE_BODIES[self.preparation](recording)
        clip = Clip(
            id=source.id,
            xyz=xyz,
            present=present,
            label=action - 1,
            fps=FPS,
            **ntu_facts(source.file.stem),
        )
        return [clip]


@datasets.register("ntu60")
class NTU60(_NTU):
    """NTU RGB+D: 56,880 recordings of 60 actions, 302 of them without usable skeletons.

    Source: Shahroudy et al., "NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis", CVPR 2016.
    """

    name = "ntu60"


@datasets.register("ntu120")
class NTU120(_NTU):
    """NTU RGB+D 120: 114,480 recordings of 120 actions, 535 of them without usable skeletons.

    Source: Liu et al., "NTU RGB+D 120: A Large-Scale Benchmark for 3D Human Activity Understanding", TPAMI 2020.
    """

    name = "ntu120"


def _action(file: RawFile) -> int:
    action = ntu_action(file.stem)
    if action is None:
        problem = "expected a name like S001C001P001R001A001 (setup, camera, performer, replication, action)"
        raise SourceError(file, problem, fix="give the file its original name, or remove it")
    return action
