"""Pretrainings of SkeletonCLR and AimCLR under the authors' names, and under ours (spec-contrastive §15)."""

from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official_stgcn import GRAPH, QUERY, our_stgcn_name, require_graph

KEY = "encoder_k."
_HEAD = "fc."


def from_official_moco(state: Mapping[str, Tensor], adjacency: Tensor) -> dict[str, Tensor]:
    """Both encoders with their projectors and the queue, under our names and in our shapes.

    Args:
        state: as the authors save a pretraining.
        adjacency: (K, V, V) of the encoder that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    ours = {}
    for name, value in state.items():
        if name.endswith(f".{GRAPH}"):
            require_graph(value, adjacency)
        else:
            ours[our_moco_name(name)] = _our_value(name, value)
    return ours


def our_moco_name(official: str) -> str:
    """Our name of a parameter of a pretraining."""
    for theirs, encoder, projector in ((QUERY, "", ""), (KEY, "key_", "key_")):
        if official.startswith(theirs + _HEAD):
            return f"{projector}projector.{official.removeprefix(theirs + _HEAD)}"
        if official.startswith(theirs):
            return encoder + our_stgcn_name(official.removeprefix(theirs))
    return {"queue": "queue.keys", "queue_ptr": "queue.place"}.get(official, official)


def _our_value(official: str, value: Tensor) -> Tensor:
    """A queue with one key per row, a place that is a number, and projectors that are matrices."""
    if official == "queue":
        return value.T
    if official == "queue_ptr":
        return value.reshape(())
    return value.flatten(1) if f".{_HEAD}" in official and value.ndim == 4 else value
