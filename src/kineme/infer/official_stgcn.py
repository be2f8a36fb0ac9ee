"""Weights under the names of the ST-GCN of SkeletonCLR, CrosSCLR, AimCLR and ActCLR, and under ours (§15).

The authors of these share one network file. Sections are those of spec-contrastive.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kineme.errors import LayoutMismatchError
from kineme.infer.official import Naming

QUERY = "encoder_q."
"""How names of the encoder that is kept begin in what the contrastive methods save."""
GRAPH = "A"
"""The graph, which the authors save with the weights and we have from the layout."""
HEAD = "fc."
"""How names of a classifier, or of a projector in its place, begin."""
REPEATED = "the networks have anyway"
"""Why the graph, and whatever else a file holds twice, is dropped."""

_ENCODERS = re.compile(r"(encoder_[qk](_motion|_bone)?\.)?")

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
    return translated(query_encoder(state), STGCN_NAMING, adjacency)


def translated(state: Mapping[str, Tensor], naming: Naming, adjacency: Tensor) -> dict[str, Tensor]:
    """Official state dict of networks with one graph, under our names and in our shapes.

    Args:
        state: as the authors save it.
        naming: how they name what it holds.
        adjacency: (K, V, V) of the encoders that the weights are for.

    Raises:
        LayoutMismatchError: weights of another graph.
    """
    for graph in graphs(state):
        require_graph(graph, adjacency)
    return {naming.ours(name): naming.value(name, value) for name, value in state.items() if not naming.is_dead(name)}


def is_graph(official: str) -> bool:
    """Whether that name is an encoder's graph."""
    return _ENCODERS.sub("", official, count=1) == GRAPH


def graphs(state: Mapping[str, Tensor]) -> list[Tensor]:
    """The graph of every encoder, all of which should be one."""
    return [value for name, value in state.items() if is_graph(name)]


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


def head_matrix(value: Tensor) -> Tensor:
    """Layers of a head are 1x1 convolutions in ActCLR's files, and matrices in all others and here."""
    return value.flatten(1) if value.shape[2:] == (1, 1) else value


def under(prefix: str, naming: Naming) -> Naming:
    """The same names, each with a prefix in front."""
    return replace(
        naming,
        ours=lambda official: naming.ours(official.removeprefix(prefix)),
        official=lambda ours: prefix + naming.official(ours),
        value=lambda official, value: naming.value(official.removeprefix(prefix), value),
    )


def _our_value(official: str, value: Tensor) -> Tensor:
    return head_matrix(value) if official.startswith(HEAD) else value


STGCN_NAMING = Naming(our_stgcn_name, official_stgcn_name, _our_value, is_graph, REPEATED)
