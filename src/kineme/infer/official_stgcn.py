"""Weights under the names of the ST-GCN of SkeletonCLR, CrosSCLR, AimCLR and ActCLR, and under ours (§15).

The authors of these share one network file. Sections are those of spec-contrastive.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kineme.errors import LayoutMismatchError
from kineme.infer.official import Naming

QUERY = "encoder_q."
"""How names of the encoder that is kept begin in what the contrastive methods save."""
GRAPH = "A"
"""The graph, which the authors save with the weights and we have from the layout."""

# How official names begin, and ours for the same; # is the number of a block.
_PREFIXES = (
    ("data_bn.", "encoder.input_norm."),
    ("st_gcn_networks.#.gcn.", "encoder.blocks.#.graph."),
    ("st_gcn_networks.#.tcn.0.", "encoder.blocks.#.norm1."),
    ("st_gcn_networks.#.tcn.2.", "encoder.blocks.#.temporal."),
    ("st_gcn_networks.#.tcn.3.", "encoder.blocks.#.norm2."),
    ("st_gcn_networks.#.residual.", "encoder.blocks.#.residual."),
    ("edge_importance.#", "encoder.blocks.#.edge_importance"),
    ("fc.weight", "head.linear.weight"),
    ("fc.bias", "head.linear.bias"),
)
_BACK = tuple((ours, theirs) for theirs, ours in _PREFIXES)


def our_stgcn_name(official: str) -> str:
    """Our name of an official parameter; one that is not the encoder's or a classifier's is returned as it is."""
    return _renamed(official, _PREFIXES)


def official_stgcn_name(ours: str) -> str:
    """Official name of one of our parameters, or the name itself: the inverse of `our_stgcn_name`."""
    return _renamed(ours, _BACK)


def query_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a pretraining or an evaluation has of the query encoder, without the prefix; all of a plain network.

    Key encoder and queue, which only a pretraining that goes on needs, are left out.
    """
    query = {name.removeprefix(QUERY): value for name, value in state.items() if name.startswith(QUERY)}
    return query or dict(state)


def from_official_stgcn(state: Mapping[str, Tensor], adjacency: Tensor) -> dict[str, Tensor]:
    """Official state dict of a network, and of a classifier on it, under our names and in our shapes.

    Args:
        state: as the authors save it.
        adjacency: (K, V, V) of the encoder that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    weights = query_encoder(state)
    require_graph(weights.pop(GRAPH, adjacency), adjacency)
    return {our_stgcn_name(name): _our_value(name, value) for name, value in weights.items()}


def require_graph(found: Tensor, adjacency: Tensor) -> None:
    """Check that weights were trained on an encoder's own graph.

    Raises:
        LayoutMismatchError: another graph, or the same with its joints in another order.
    """
    if not torch.equal(found.to(adjacency), adjacency):
        raise LayoutMismatchError(
            f"weights of another graph: {tuple(found.shape)}, the encoder's is {tuple(adjacency.shape)} or has other "
            f"edges; give the layout and the encoder.strategy that they were trained with"
        )


def _renamed(name: str, prefixes: Sequence[tuple[str, str]]) -> str:
    for old, new in prefixes:
        if match := re.match(re.escape(old).replace(r"\#", r"(\d+)"), name):
            return new.replace("#", "".join(match.groups())) + name[match.end() :]
    return name


def _our_value(official: str, value: Tensor) -> Tensor:
    """Layers of a head are 1x1 convolutions in ActCLR's files, and matrices in all others and here."""
    return value.flatten(1) if official.startswith("fc.") and value.ndim == 4 else value


STGCN_NAMING = Naming(our_stgcn_name, official_stgcn_name, is_dead=lambda official: official == GRAPH)
