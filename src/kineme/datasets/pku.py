"""PKU-MMD, phases I and II: long Kinect v2 videos with a list of the actions in each, whole or cut into instances."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from kineme.clips import Clip
from kineme.datasets import datasets
from kineme.datasets.base import Dataset, Source, SourceWarning
from kineme.datasets.names import one_named
from kineme.datasets.pku_format import Label, parse_labels, parse_skeletons, parse_split
from kineme.datasets.pku_instances import Instance, instances_inside, shortened
from kineme.datasets.raw_files import RawFile
from kineme.errors import ClipError, SourceError
from kineme.splits import SPLITS, ListedSplit
from kineme.store import ListedSplits

FPS = 30.0
_CAMERAS = "LMR"  # left, middle, right: 1, 2, 3
_INSTANCE = re.compile(r"(?:(\d{4})|A(\d\d)N(\d\d))-([LMR])\.(\d{3})", re.ASCII)


class _PKU(Dataset):
    """What the two phases share; see ``docs/datasets/pku.md``.

    ``preparation="default"`` cuts every labelled instance, ``"reference"`` as MAMP and HA-CM do and ``"stgcn"`` as
    AimCLR does; ``"videos"`` leaves the videos whole, with their instances as segments.

    Attributes:
        video: name of a video; its groups are what is known of it.
    """

    layout_name = "kinect25"
    suffix = ".txt"
    preparations = ("default", "reference", "stgcn", "videos")
    video: ClassVar[re.Pattern[str]]

    @property
    def keeps_empty(self) -> bool:
        """True for the field's arrays: AimCLR keeps empty instances, and MAMP may cut one to its empty start."""
        return self.preparation in ("reference", "stgcn")

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Videos: skeleton files, each with every label file of its name."""
        of_video: dict[str, list[RawFile]] = {}
        for file in files:
            if file.suffix == self.suffix and self.video.fullmatch(file.stem):
                of_video.setdefault(file.stem, []).append(file)
        sources = []
        for id, here in of_video.items():
            labels = _label_files(here)
            sources += [Source(id, (file, *labels)) for file in here if file not in labels]
        return sources

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """The split files of the download, by videos; see `Dataset.splits`."""
        named = {
            name: one_named(files, split.file)
            for name, split in SPLITS.items()
            if name.startswith(f"{self.name}-") and isinstance(split, ListedSplit)
        }
        return {name: parse_split(file, file.read_bytes(), self.video) for name, file in named.items() if file}

    def read(self, source: Source) -> list[Clip]:
        """The instances of a video, or the video itself; see `Dataset.read`."""
        labels = self._labels(source)
        frames = parse_skeletons(source.file, source.file.read_bytes(), self.layout.num_joints)
        instances = list(instances_inside(labels, len(frames), self.preparation))
        if self.preparation != "videos":
            return list(self._cut(source, frames, instances))
        segments = np.array([instance[1:] for instance in instances], np.int64).reshape(-1, 3)
        return [self._clip(source, source.id, frames, segments=segments)] if labels else []

    def _labels(self, source: Source) -> list[Label]:
        if len(source.files) == 1:
            fix = "unpack the labels below the same folder as the skeletons"
            raise SourceError(source.file, f"no label file of this name ({source.file.name}) found", fix=fix)
        first, *others = source.files[1:]
        labels = parse_labels(first, first.read_bytes(), len(self.classes))
        for other in others:
            if parse_labels(other, other.read_bytes(), len(self.classes)) != labels:
                fix = "find out which is right and remove the other"
                raise SourceError(other, f"other labels of the same video than {first}", fix=fix)
        if not labels:
            warnings.warn("the label file is empty: no clips", SourceWarning, stacklevel=2)
        return labels

    def _cut(self, source: Source, frames: np.ndarray, instances: Iterable[Instance]) -> Iterator[Clip]:
        for row, label, first, end in instances:
            xyz = frames[first:end]
            if self.preparation != "stgcn" and not xyz.any():
                text = f"label row {row}: nobody is seen in frames {first + 1} to {end}; left out"
                warnings.warn(text, SourceWarning, stacklevel=2)
                continue
            yield self._clip(source, f"{source.id}.{row:03d}", shortened(xyz, self.preparation), label)

    def _clip(
        self, source: Source, id: str, frames: np.ndarray, label: int | None = None, segments: np.ndarray | None = None
    ) -> Clip:
        name = self.video.fullmatch(source.id)
        assert name is not None
        known = name.groupdict()
        present = np.any(frames, axis=(2, 3)).T
        bodies = 2 if present[1].any() else 1
        return Clip(
            id=id,
            xyz=np.ascontiguousarray(frames[:, :bodies].swapaxes(0, 1)),
            present=present[:bodies],
            label=label,
            subject=int(known.get("subject", -1)),
            camera=_CAMERAS.index(known["camera"]) + 1,
            setup=int(known["setup"]),
            fps=FPS,
            segments=segments,
        )


@datasets.register("pku1")
class PKU1(_PKU):
    """PKU-MMD phase I: 1,076 videos of 51 actions, about 20 in each, in 3 views.

    The setup of a clip is its recording; the files do not say who is seen.

    Source: Liu et al., "PKU-MMD: A Large Scale Benchmark for Continuous Multi-Modal Human Action Understanding",
    arXiv:1703.07475, 2017.
    """

    name = "pku1"
    example = "0002-L.txt"
    video = re.compile(r"(?P<setup>\d{4})-(?P<camera>[LMR])", re.ASCII)


@datasets.register("pku2")
class PKU2(_PKU):
    """PKU-MMD phase II: 1,009 shorter and noisier videos of 41 of the 51 actions, in 3 views.

    The setup of a clip is the A number of its name, the subject the N number.

    Source: as `PKU1`.
    """

    name = "pku2"
    example = "A01N01-L.txt"
    video = re.compile(r"A(?P<setup>\d\d)N(?P<subject>\d\d)-(?P<camera>[LMR])", re.ASCII)


def stgcn_name(clip_id: str, label: int) -> str:
    """What AimCLR's scripts call an instance, without extension; their arrays are sorted by it.

    Args:
        clip_id: id of an instance, such as ``0011-L.003`` or ``A08N10-R.001``.
        label: its class, from 0.

    Returns:
        ``F011V001C022L003`` or ``A008N010V003C014L001``: recording, view, class from 1, row of the label file.

    Raises:
        ClipError: the id is of something else.
    """
    parts = _INSTANCE.fullmatch(clip_id)
    if parts is None:
        raise ClipError(f"clip {clip_id}: not an instance of PKU-MMD, which are called like 0011-L.003")
    phase1, setup, subject, camera, row = parts.groups()
    recording = f"F{int(phase1):03d}" if phase1 else f"A{int(setup):03d}N{int(subject):03d}"
    return f"{recording}V{_CAMERAS.index(camera) + 1:03d}C{label + 1:03d}L{row}"


def _label_files(files: Sequence[RawFile]) -> list[RawFile]:
    """Those of one name that hold labels: by their folder or archive, or by their commas where that tells nothing."""
    named = [file for file in files if "label" in (file.location.parent.name or file.path.stem).lower()]
    if len(named) == len(files) or (not named and len(files) > 1):
        return [file for file in files if _has_commas(file)]
    return named


def _has_commas(file: RawFile) -> bool:
    try:
        return b"," in file.read_bytes()[:80]
    except SourceError:  # reading the video tells
        return False
