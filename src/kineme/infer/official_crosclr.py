"""Pretrainings of CrosSCLR under the authors' names, and under ours (spec-contrastive §7, §15)."""

import re
from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official import Naming
from kineme.infer.official_moco import official_moco_name, our_moco_name, our_moco_value
from kineme.infer.official_stgcn import REPEATED, is_graph, translated

# Encoders and queues of other streams have the stream's name at the end; the rest is named as in SkeletonCLR.
_PART = re.compile(r"(encoder_[qk]|queue_ptr|queue)(?:_(motion|bone))?(?=\.|$)")
# The joint stream's projector, which the other streams hold under names of their own as well.
_ALIAS = re.compile(r"(encoder_[qk])_(?:motion|bone)\.fc\.2\.(?=[02]\.)")
_OTHER = re.compile(r"others\.(motion|bone)\.")


def from_official_crosclr(state: Mapping[str, Tensor], adjacency: Tensor) -> dict[str, Tensor]:
    """All streams under our names and in our shapes, for `CrosSCLR` with ``reference_quirks``.

    Args:
        state: as the authors save a pretraining of two or three streams.
        adjacency: (K, V, V) of the encoders that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    return translated(state, CROSCLR_NAMING, adjacency)


def our_crosclr_name(official: str) -> str:
    """Our name of a parameter of a pretraining; an alias has none, and is returned as it is."""
    stream, plain = _split(official)
    ours = our_moco_name(plain)
    return official if ours == plain or shared_name(official) else _prefix(stream) + ours


def official_crosclr_name(ours: str) -> str:
    """Official name of one of our parameters, or the name itself: the inverse of `our_crosclr_name`."""
    other = _OTHER.match(ours)
    if other is None:
        return official_moco_name(ours)
    plain = official_moco_name(ours[other.end() :])
    part = _PART.match(plain)
    return f"{part.group(1)}_{other.group(1)}{plain[part.end() :]}" if part else ours


def shared_name(official: str) -> str | None:
    """Name of the joint stream's weight that an alias repeats; None for all other names."""
    alias = _ALIAS.match(official)
    return f"{alias.group(1)}.fc.{official[alias.end() :]}" if alias else None


def other_streams(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Streams beside the joints' of which there are weights."""
    found = {_split(name)[0] for name in state}
    return tuple(stream for stream in ("motion", "bone") if stream in found)


def _split(official: str) -> tuple[str, str]:
    """Stream of a parameter, empty for joints, and its name without it."""
    part = _PART.match(official)
    if part is None:
        return "", official
    return part.group(2) or "", part.group(1) + official[part.end() :]


def _prefix(stream: str) -> str:
    return f"others.{stream}." if stream else ""


def _our_value(official: str, value: Tensor) -> Tensor:
    return our_moco_value(_split(official)[1], value)


def _is_repeated(official: str) -> bool:
    return is_graph(official) or shared_name(official) is not None


CROSCLR_NAMING = Naming(our_crosclr_name, official_crosclr_name, _our_value, _is_repeated, REPEATED)
