"""Pretrainings of CrosSCLR under the authors' names, and under ours (spec-contrastive §7, §15)."""

import re
from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official_moco import from_official_moco, our_moco_name

# Encoders and queues of other streams have the stream's name at the end; the rest is named as in SkeletonCLR.
_PART = re.compile(r"(encoder_[qk]|queue_ptr|queue)(?:_(motion|bone))?(?=\.|$)")
# The joint stream's projector, which the other streams hold under names of their own as well.
_ALIAS = re.compile(r"encoder_[qk]_(motion|bone)\.fc\.2\.")


def from_official_crosclr(state: Mapping[str, Tensor], adjacency: Tensor) -> dict[str, Tensor]:
    """All streams under our names and in our shapes, for `CrosSCLR` with ``reference_quirks``.

    Args:
        state: as the authors save a pretraining of two or three streams.
        adjacency: (K, V, V) of the encoders that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    streams: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, value in state.items():
        if not _ALIAS.match(name):
            stream, plain = _split(name)
            streams[stream][plain] = value
    return {
        _prefix(stream) + name: value
        for stream, weights in streams.items()
        for name, value in from_official_moco(weights, adjacency).items()
    }


def our_crosclr_name(official: str) -> str:
    """Our name of a parameter of a pretraining; an alias has none, and is returned as it is."""
    if _ALIAS.match(official):
        return official
    stream, plain = _split(official)
    return _prefix(stream) + our_moco_name(plain)


def _split(official: str) -> tuple[str, str]:
    """Stream of a parameter, empty for joints, and its name without it."""
    part = _PART.match(official)
    if part is None:
        return "", official
    return part.group(2) or "", part.group(1) + official[part.end() :]


def _prefix(stream: str) -> str:
    return f"others.{stream}." if stream else ""
