"""Checkpoints of PyTorch code, read without running anything that they may contain.

A ``.pth`` file is a pickle, and a pickle is a program. PyTorch's restricted reader resolves the names that tensors and
plain containers need, and here one more: `argparse.Namespace`, which holds the settings that the authors keep beside
their weights. What the file claims about itself is checked against its size before memory is set aside for it.
"""

import argparse
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kineme.errors import SourceError

_AGAIN = "this is another file, or a damaged one: download it again"
_REPEATS = 2  # CrosSCLR's streams share a projector: a small part of a file, under three names
_HOLDERS = "model", "state_dict"
# Of batch norms and of queues: the only things in a state dict that are no floats.
_COUNTER = re.compile(r"(num_batches_tracked|queue_ptr(_\w+)?)$")


@dataclass(frozen=True)
class Checkpoint:
    """What is used of a checkpoint.

    Args:
        weights: state dict, on the CPU, in float32, without a common ``module.``.
        settings: the arguments of the program that wrote it, as far as it keeps them.
    """

    weights: dict[str, Tensor]
    settings: Mapping[str, Any]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Weights in a ``.pth`` file: a state dict, or one under ``model`` or ``state_dict``.

    Args:
        path: file that ``torch.save`` wrote, in its zip format or the older one.

    Raises:
        SourceError: no such file, not a checkpoint, a damaged one, one that asks for more than tensors and settings,
            or weights that are no finite numbers.
    """
    path = Path(path)
    contents = _load(path)
    state = _held(contents)
    if not isinstance(state, dict) or not state or not all(map(_is_weight, state.items())):
        problem = f"expected weights by name, or those under 'model' or 'state_dict'; found {_described(contents)}"
        raise SourceError(path, problem, fix="save the state dict of the networks alone")
    _require_size(path, state)
    weights = {name: _plain(path, name, value) for name, value in _without_prefix(state).items()}
    arguments = contents.get("args")
    return Checkpoint(weights, vars(arguments) if isinstance(arguments, argparse.Namespace) else {})


def _held(contents: Any) -> Any:
    """The state dict in what a file holds, beside which there may be more."""
    if not isinstance(contents, dict):
        return contents
    return next((contents[key] for key in _HOLDERS if key in contents), contents)


def _load(path: Path) -> Any:
    """What the file holds, by PyTorch's restricted reader."""
    if not path.is_file():
        raise SourceError(path, "no such file" if not path.exists() else "expected a file", fix="give a .pth file")
    is_zip = _is_whole_zip(path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # PyTorch's documentation does not say what a damaged file can end in
        asked = re.search(r"GLOBAL (\S+)", str(error))
        if asked is None:
            raise SourceError(path, "not a whole checkpoint of PyTorch", fix=_AGAIN) from error
        problem = (
            f"the pickle asks for {asked[1]}, which is neither weights nor settings: reading it could run code of "
            f"whoever made the file"
        )
        raise SourceError(path, problem, fix="nothing was run; ask for a file of the state dict alone") from error


def _is_whole_zip(path: Path) -> bool:
    """Whether it is a zip archive; checksums and sizes of one are checked."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            # `torch.save` never compresses, so that no honest archive holds more than its own size.
            packed = [member.filename for member in archive.infolist() if member.compress_type != zipfile.ZIP_STORED]
            broken = None if packed else archive.testzip()
    except Exception as error:  # zipfile's documentation does not say either
        raise SourceError(path, "not a whole checkpoint of PyTorch", fix=_AGAIN) from error
    if packed or broken:
        problem = f"{packed[0]} is compressed" if packed else f"the checksum of {broken} is wrong"
        raise SourceError(path, f"not as PyTorch wrote it: {problem}", fix=_AGAIN)
    return True


def _is_weight(item: tuple[object, object]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, Tensor)


def _described(contents: object) -> str:
    if not isinstance(contents, dict):
        return type(contents).__name__
    return f"a dictionary of {', '.join(map(repr, list(contents)[:8])) or 'nothing'}"


def _require_size(path: Path, state: Mapping[str, Tensor]) -> None:
    """Few bytes can pose as a huge tensor by repeating themselves; but what networks share is saved once."""
    claimed = sum(value.numel() * value.element_size() for value in state.values())
    if claimed > _REPEATS * path.stat().st_size:
        problem = f"claims {claimed} bytes of weights, the file has {path.stat().st_size}"
        raise SourceError(path, problem, fix=_AGAIN)


def _without_prefix(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Names without the ``module.`` of data-parallel training."""
    if not all(name.startswith("module.") for name in state):
        return state
    return {name.removeprefix("module."): value for name, value in state.items()}


def _plain(path: Path, name: str, value: Tensor) -> Tensor:
    """A finite float32 copy, or the whole number of a counter."""
    is_counter = _COUNTER.search(name) is not None and value.dtype == torch.int64
    dense = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
    if not dense or not (is_counter or value.is_floating_point()):
        kind = f"{value.dtype}, {value.layout}, on {value.device}"
        raise SourceError(path, f"{name}: expected floats, found {kind}", fix="save plain float32 tensors")
    if not value.isfinite().all():
        raise SourceError(path, f"{name}: not all of it are finite numbers", fix="its training failed; use another")
    return value.detach().to(torch.int64 if is_counter else torch.float32, copy=True).contiguous()
