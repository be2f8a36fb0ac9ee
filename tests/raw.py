"""Reading one raw file of a dataset."""

from pathlib import Path

from kineme.clips import Clip
from kineme.datasets.base import Dataset, Source
from kineme.datasets.raw_files import RawFile


def source_of(*files: Path) -> Source:
    """The source of a raw file and of those that belong to it."""
    return Source(files[0].stem, tuple(RawFile(file) for file in files))


def read_one(dataset: Dataset, source: Source | Path) -> Clip:
    """The clip of a recording that holds exactly one."""
    (clip,) = dataset.read(source_of(source) if isinstance(source, Path) else source)
    return clip
