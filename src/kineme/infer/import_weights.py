"""The authors' checkpoints as runs of ours, that everything else can use.

spec-masked §7, spec-stjd §4, spec-contrastive §15.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import kineme
from kineme.encoders import EncoderConfig
from kineme.encoders.stgcn import STGCNConfig
from kineme.encoders.token_encoder import TokenEncoderConfig
from kineme.errors import ConfigError, LayoutMismatchError, SourceError
from kineme.infer.checkpoint import read_checkpoint
from kineme.infer.difference import Difference
from kineme.infer.family import Family
from kineme.infer.masked_family import MaskedFamily
from kineme.infer.official import Naming
from kineme.infer.start import fitted_table
from kineme.infer.stgcn_family import STGCNFamily
from kineme.layout import Layout
from kineme.methods import Method
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

_FAMILIES: Mapping[type[EncoderConfig], Family] = {TokenEncoderConfig: MaskedFamily(), STGCNConfig: STGCNFamily()}


@dataclass(frozen=True)
class Imported:
    """An imported run.

    Args:
        run: the run.
        notes: what a user should know: what was read and dropped, where the weights overrule the recipe, and what
            was interpolated.
    """

    run: RunDir
    notes: tuple[str, ...]


def import_weights(file: str | Path, config: RunConfig, layout: Layout, out: str | Path) -> Imported:
    """Make a run of a checkpoint of the authors of a masked or contrastive method, or of a classifier on one of these.

    Sizes are those of the weights, all else is as configured. Where the window has another number of slots than the
    weights, position tables in time are interpolated. A classifier becomes a run of the method ``supervised``.

    Args:
        file: ``.pth`` or ``.pt`` with a state dict, by itself or under ``model`` or ``state_dict``; no code that it
            may hold is run.
        config: recipe that the weights belong to.
        layout: joints in the order in which the weights were trained.
        out: folder of the run, which appears whole or not at all.

    Raises:
        SourceError: not a checkpoint, or not of the networks of this recipe.
        LayoutMismatchError: weights of another number of joints, or of another graph.
        ConfigError: sizes that do not fit the window, the heads or the layout.
        RunError: a run is at ``out`` already.
    """
    file = Path(file)
    checkpoint = read_checkpoint(file)
    family = _family(file, config)
    config, notes = family.sized(file, config, checkpoint)
    channels = family.channels(checkpoint.weights) or 3
    with torch.device("meta"):  # names and shapes alone: a forged file could ask for networks of any size
        networks = build_method(config, layout, channels)
    _require_joints(file, networks, layout, family.joints(checkpoint.weights))
    family.require_sound(file, checkpoint.weights, networks)
    naming = family.naming(config, checkpoint.weights)
    used = {name: value for name, value in checkpoint.weights.items() if not naming.is_dead(name)}
    weights = _ours(file, used, naming, networks.state_dict())
    provenance = {"weights": file.name, "sha256": _sha256(file), "kineme": kineme.__version__}
    run = RunDir.create_imported(Path(out), config, layout, channels, weights, provenance)
    summary = _summary(config.method.name, len(used), len(checkpoint.weights), naming.why_dead)
    return Imported(run, (summary, *notes, *family.remarks(config, checkpoint.weights, networks)))


def _family(file: Path, config: RunConfig) -> Family:
    found = next((family for kind, family in _FAMILIES.items() if isinstance(config.encoder, kind)), None)
    if found is None:
        raise ConfigError(f"{file}: the authors have no weights for {config.encoder.name}; see: kineme recipes")
    return found


def _require_joints(file: Path, networks: Method, layout: Layout, found: int | None) -> None:
    if found is not None and found != networks.encoder.joints:
        raise LayoutMismatchError(
            f"{file}: weights of {found} joints, the encoder reads {networks.encoder.joints} of {layout.name}; give "
            f"the --layout that they were trained on, or the recipe of the method that made them"
        )


def _ours(file: Path, used: Mapping[str, Tensor], naming: Naming, networks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names, one for each that the networks hold.

    Raises:
        SourceError: names or shapes that do not agree, the first of them listed.
    """
    fitted = {
        name: fitted_table(naming.ours(name), naming.value(name, value), networks) for name, value in used.items()
    }
    difference = Difference.of(fitted, {naming.official(name): value for name, value in networks.items()})
    if difference:
        listed = difference.describe(lambda name: _both(name, naming.ours(name)))
        raise SourceError(file, f"not the weights of these networks:{listed}\n", fix="perhaps of another recipe")
    return {naming.ours(name): value for name, value in fitted.items()}


def _both(official: str, ours: str) -> str:
    return official if official == ours else f"{official} (ours: {ours})"


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _summary(method: str, used: int, found: int, why_dead: str) -> str:
    dropped = f"; dropped {found - used} that {why_dead}" if used < found else ""
    return f"{used} weights of {method}{dropped}"
