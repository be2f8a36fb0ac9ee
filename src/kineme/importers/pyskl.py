"""The annotation pickles of pyskl and MMAction2: all recordings of a dataset in one file, each a source of its own."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.ntu_names import ntu_facts
from kineme.datasets.raw_files import RawFile
from kineme.errors import LayoutError, SourceError
from kineme.importers import importers
from kineme.importers.base import Importer
from kineme.importers.pictures import PictureSize, picture_size, require_picture
from kineme.importers.pyskl_format import Annotation, Content, keypoints, read_annotations, scores
from kineme.layout import Layout
from kineme.store import ListedSplits

_SUFFIXES = (".pkl", ".pickle")


@importers.register("pyskl")
@dataclass(frozen=True)
class PySKL(Importer):
    """Annotation pickles of pyskl and MMAction2, 2D or 3D, with their labels and splits.

    Source: Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition", ACM MM 2022.

    Args:
        image_size: width and height of the picture in pixels, for annotations without img_shape.
    """

    image_size: PictureSize = None

    name = "pyskl"
    layout_name = ""
    suffix = ".pkl"
    example = "ntu60_3danno.pkl"
    named_by_file = False

    @cached_property
    def layout(self) -> Layout:
        """The layout that was named; see `Importer.layout`."""
        if not self.joints:
            source = self.find(self.path)[0]
            V, C = keypoints(source.file, _annotation(source)).shape[2:]
            raise LayoutError(
                f"{source.file} does not say what its {V} joints of {C} coordinates are: name their layout with "
                f"--layout; {_built_in(V)}, or give the path of your own .toml (docs/layouts.md)"
            )
        return super().layout

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every annotation is a recording; so is a file that cannot be read, for reading it tells why."""
        sources: list[Source] = []
        for file in files:
            if file.suffix not in _SUFFIXES:
                continue
            try:
                sources += [Source(id, (file,)) for id in read_annotations(file).annotations]
            except SourceError:
                sources.append(Source(file.stem, (file,)))
        return sources

    def own_classes(self) -> tuple[str, ...]:
        """Numbers of the classes as text, up to the highest label of any file."""
        contents = _readable(source.file for source in self.find(self.path))
        labels = [annotation["label"] for content in contents for annotation in content.annotations.values()]
        return tuple(str(label) for label in range(max(labels, default=-1) + 1))

    def splits(self, files: Sequence[RawFile]) -> ListedSplits:
        """Splits of the files and of the table of labels; see `Dataset.splits`."""
        splits: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
        for content in _readable(file for file in files if file.suffix in _SUFFIXES):
            splits |= content.splits
        return {**splits, **super().splits(files)}

    def clips(self, source: Source) -> list[Clip]:
        """The clip of one annotation; see `Importer.clips`."""
        file, annotation = source.file, _annotation(source)
        keypoint, score = keypoints(file, annotation), scores(file, annotation)
        if keypoint.shape[2] != self.layout.num_joints:
            problem = f"{source.id} has {keypoint.shape[2]} joints, layout {self.layout.name} {self.layout.num_joints}"
            raise SourceError(file, problem, fix=f"name another --layout: {_built_in(keypoint.shape[2])}")
        if keypoint.shape[3] == 2:
            require_picture(self.layout, file)
            keypoint = keypoint / picture_size(_width_height(annotation) or self.image_size, file)
        elif self.layout.unit != "m":
            problem = f"{source.id} has three coordinates, but layout {self.layout.name} is one of pictures"
            raise SourceError(file, problem, fix="name a --layout in metres")
        found = np.ones(keypoint.shape[:3], bool) if score is None else score > 0
        xyz = np.where(found[..., None], keypoint, 0)
        clip = Clip(
            id=source.id,
            xyz=xyz,
            present=np.asarray(xyz.any(axis=(2, 3))),
            label=annotation["label"] if annotation["label"] >= 0 else None,
            fps=self.fps,
            confidence=score,
        )
        return [replace(clip, **ntu_facts(source.id))]


def _readable(files: Iterable[RawFile]) -> Iterator[Content]:
    """Contents of those files that can be read, each once."""
    for file in dict.fromkeys(files):
        with suppress(SourceError):  # reported where its recordings are read
            yield read_annotations(file)


def _annotation(source: Source) -> Annotation:
    annotation = read_annotations(source.file).annotations.get(source.id)
    if annotation is None:
        raise SourceError(source.file, f"no annotation with the frame_dir {source.id}", fix="import the file anew")
    return annotation


def _width_height(annotation: Annotation) -> list[Any] | None:
    shape = annotation.get("img_shape")
    return [shape[1], shape[0]] if isinstance(shape, tuple | list) and len(shape) >= 2 else None


def _built_in(num_joints: int) -> str:
    names = [name for name in Layout.names() if Layout.get(name).num_joints == num_joints]
    return f"built in with {num_joints} joints: {', '.join(names) or 'none'}"
