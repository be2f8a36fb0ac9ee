"""Pretrainings of SkeletonCLR, AimCLR and ActCLR under the authors' names, and under ours (spec-contrastive §15)."""

from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official import Naming
from kineme.infer.official_stgcn import (
    HEAD,
    QUERY,
    REPEATED,
    head_matrix,
    is_graph,
    official_stgcn_name,
    our_stgcn_name,
    translated,
)

KEY = "encoder_k."

# The authors' encoders, and how our names for them and their projectors begin.
_PARTS = ((QUERY, ""), (KEY, "key_"))
_QUEUE = {"queue": "queue.keys", "queue_ptr": "queue.place"}
_QUEUE_BACK = {ours: theirs for theirs, ours in _QUEUE.items()}


def from_official_moco(state: Mapping[str, Tensor], adjacency: Tensor) -> dict[str, Tensor]:
    """Both encoders with their projectors and the queue, under our names and in our shapes.

    Args:
        state: as the authors save a pretraining.
        adjacency: (K, V, V) of the encoder that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    return translated(state, MOCO_NAMING, adjacency)


def our_moco_name(official: str) -> str:
    """Our name of a parameter of a pretraining; one that has no place there is returned as it is."""
    for theirs, which in _PARTS:
        if official.startswith(theirs + HEAD):
            return f"{which}projector.{official.removeprefix(theirs + HEAD)}"
        if official.startswith(theirs):
            plain = official.removeprefix(theirs)
            ours = our_stgcn_name(plain)
            return official if ours == plain else which + ours
    return _QUEUE.get(official, official)


def official_moco_name(ours: str) -> str:
    """Official name of one of our parameters, or the name itself: the inverse of `our_moco_name`."""
    for theirs, which in _PARTS:
        if ours.startswith(f"{which}projector."):
            return theirs + HEAD + ours.removeprefix(f"{which}projector.")
        if ours.startswith(f"{which}encoder."):
            return theirs + official_stgcn_name(ours.removeprefix(which))
    return _QUEUE_BACK.get(ours, ours)


def our_moco_value(official: str, value: Tensor) -> Tensor:
    """A queue with one key per row, a place that is a number, and projectors that are matrices."""
    if official == "queue" and value.ndim == 2:
        return value.T.contiguous()
    if official == "queue_ptr" and value.shape == (1,):
        return value[0]
    return head_matrix(value) if f".{HEAD}" in official else value


MOCO_NAMING = Naming(our_moco_name, official_moco_name, our_moco_value, is_graph, REPEATED)
