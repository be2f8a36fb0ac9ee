"""Files of SkeletonCLR, CrosSCLR, AimCLR and ActCLR, and of classifiers on their ST-GCN (spec-contrastive §15, §16)."""

from pathlib import Path

import torch

from kineme.encoders.stgcn import STGCN
from kineme.errors import LayoutMismatchError, SourceError
from kineme.infer import stgcn_sizes as told
from kineme.infer.checkpoint import Checkpoint
from kineme.infer.family import Family, as_classifier, with_sizes
from kineme.infer.official import Naming
from kineme.infer.official_crosclr import CROSCLR_NAMING, shared_name
from kineme.infer.official_moco import MOCO_NAMING
from kineme.infer.official_stgcn import QUERY, STGCN_NAMING, graphs, require_graph, under
from kineme.infer.recipe_fit import foreign_project, require_recipe
from kineme.infer.shapes import Weights, has
from kineme.methods import Method
from kineme.recipes.base import RunConfig

_METHODS = {"moco": ("skeletonclr", "aimclr", "actclr"), "crosclr": ("crosclr",)}
_INCOMPLETE = {
    "encoder": (
        "an encoder alone, without a head (fc) or what it was trained with (projectors, encoder_k, queue)",
        "import the pretraining, or a linear evaluation of it",
    ),
    "classifiers": (
        "classifiers of several streams, which are one run each",
        "save the encoder_q... of each stream by itself, named encoder_q",
    ),
}


class STGCNFamily(Family):
    """Momentum contrast on ST-GCN."""

    def sized(self, file: Path, config: RunConfig, checkpoint: Checkpoint) -> tuple[RunConfig, list[str]]:
        weights = checkpoint.weights
        kind = told.kind_of(weights)
        if kind is None:
            fix = "expected those of SkeletonCLR, CrosSCLR, AimCLR or ActCLR as the authors' code saves them"
            raise SourceError(file, foreign_project(weights), fix=fix)
        if kind in _INCOMPLETE:
            problem, fix = _INCOMPLETE[kind]
            raise SourceError(file, problem, fix=fix)
        if kind == "classifier":
            config, method = as_classifier(config), told.head_sizes(weights)
        else:
            require_recipe(file, config, _METHODS[kind])
            streams = told.stream_settings(weights) if kind == "crosclr" else {}
            method = told.contrast_sizes(weights) | streams
        return with_sizes(config, told.encoder_sizes(weights), method)

    def joints(self, weights: Weights) -> int | None:
        return told.num_joints(weights)

    def channels(self, weights: Weights) -> int | None:
        return told.num_channels(weights)

    def naming(self, config: RunConfig, weights: Weights) -> Naming:
        if config.method.name == "supervised":
            return under(QUERY, STGCN_NAMING) if has(weights, QUERY) else STGCN_NAMING
        return CROSCLR_NAMING if config.method.name == "crosclr" else MOCO_NAMING

    def require_sound(self, file: Path, weights: Weights, networks: Method) -> None:
        """Graphs must be the layout's, and what streams share must be the same in each."""
        assert isinstance(networks.encoder, STGCN)
        try:
            for graph in graphs(weights):
                require_graph(graph, networks.encoder.adjacency)
        except LayoutMismatchError as error:
            raise LayoutMismatchError(f"{file}: {error}") from error
        _require_shared(file, weights)

    def remarks(self, config: RunConfig, weights: Weights, networks: Method) -> list[str]:
        if graphs(weights):
            return []
        return ["the file has no graph (A), so that nothing tells whether its joints are in the layout's order"]


def _require_shared(file: Path, weights: Weights) -> None:
    for alias, value in weights.items():
        name = shared_name(alias)
        if name is not None and name in weights and not torch.equal(value, weights[name]):
            problem = f"{alias} is not {name}, which the authors' streams share"
            raise SourceError(file, problem, fix="save the state dict as the authors' code has it")
