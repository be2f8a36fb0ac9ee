"""``.skeleton.npy``: what the ``txt2npy.py`` of NTU RGB+D's authors makes of their text files.

A dict, pickled within an ``.npy``: file_name, njoints, nbodys (people per frame, frames without any left out), and
skel_body0, skel_body1, ... (T, 25, 3), zero where fewer people were seen. The ids of the people are lost: a body is
whoever was listed first, second and so on.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kineme.clips import Clip
from kineme.datasets.base import Source, read_list
from kineme.datasets.ntu import FPS
from kineme.datasets.ntu_names import ntu_action, ntu_facts
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers import importers
from kineme.importers.base import Importer
from kineme.importers.unpickle import describe, load_plain

_FOREIGN = "this is no file of txt2npy.py, or a damaged one: remove it, or make it again"


@importers.register("txt2npy")
@dataclass(frozen=True)
class Txt2Npy(Importer):
    """NTU RGB+D as ``.npy`` files; labels, subjects and so on are those of the files' names.

    Source: https://github.com/shahroudy/NTURGB-D
    """

    name = "txt2npy"
    layout_name = "kinect25"
    suffix = ".npy"
    example = "S001C001P001R001A001.skeleton.npy"

    def sources(self, files: Sequence[RawFile]) -> list[Source]:
        """Every file is a recording."""
        return [Source(_recording(file), (file,)) for file in files if file.suffix == self.suffix]

    def own_classes(self) -> tuple[str, ...]:
        """Actions of NTU RGB+D, or of NTU RGB+D 120 where a file has a later one."""
        actions = [ntu_action(source.id) or 0 for source in self.find(self.path)]
        return tuple(read_list(f"classes/{'ntu120' if max(actions) > 60 else 'ntu60'}.txt")) if any(actions) else ()

    def clips(self, source: Source) -> list[Clip]:
        """The clip of a file; see `Importer.clips`."""
        name, content = _recording(source.file), _content(source.file)
        bodies = [_body(source.file, content, key, self.layout.num_joints) for key in _body_names(content)]
        if not bodies or len({body.shape for body in bodies}) > 1:
            problem = f"expected bodies of one length, found {[body.shape for body in bodies]}"
            raise SourceError(source.file, problem, fix=_FOREIGN)
        xyz = np.stack(bodies)
        action = ntu_action(name)
        clip = Clip(
            id=source.id,
            xyz=xyz,
            present=np.asarray(xyz.any(axis=(2, 3))),
            label=action - 1 if action else None,
            fps=self.fps or FPS,
        )
        return [replace(clip, **ntu_facts(name))]


def _recording(file: RawFile) -> str:
    return file.stem.removesuffix(".skeleton")


def _content(file: RawFile) -> dict[str, Any]:
    data = file.read_bytes()
    stream = io.BytesIO(data)
    try:
        read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[np.lib.format.read_magic(stream)[0]](stream)
    except Exception as error:  # NumPy has the header parsed as Python, which can end in many ways
        raise SourceError(file, f"no header of an .npy file ({error!s:.60})", fix=_FOREIGN) from error
    if shape or not dtype.hasobject:
        problem = f"expected a pickled dict, found an array of {dtype} {shape}"
        raise SourceError(file, problem, fix=_FOREIGN)
    array = load_plain(data[stream.tell() :], file)
    content = array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array
    if not isinstance(content, dict):
        raise SourceError(file, f"expected a dict, found {describe(content)}", fix=_FOREIGN)
    return content


def _body_names(content: dict[str, Any]) -> list[str]:
    names = [f"skel_body{number}" for number in range(len(content))]
    return [name for name in names if name in content]


def _body(file: RawFile, content: dict[str, Any], name: str, num_joints: int) -> np.ndarray:
    """(T, V, 3) float32."""
    body, shape = content[name], (num_joints, 3)
    is_array = isinstance(body, np.ndarray) and body.dtype.kind == "f" and body.ndim == 3
    if not is_array or body.shape[1:] != shape or not len(body):
        problem = f"expected {name} as (frames, {num_joints}, 3) numbers, found {describe(body)}"
        raise SourceError(file, problem, fix=_FOREIGN)
    with np.errstate(over="ignore"):
        xyz = np.array(body, np.float32, subok=False)
    if not np.isfinite(xyz).all():
        frame = int(np.isfinite(xyz).all(axis=(1, 2)).argmin())
        raise SourceError(file, f"NaN or infinity in {name}, frame {frame + 1}", fix="repair it, or leave it out")
    return xyz
