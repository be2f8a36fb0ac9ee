"""The authors' checkpoints as runs of ours, that everything else can use (spec-masked §7, spec-stjd §4)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import kineme
from kineme.config import Config
from kineme.encoders.ball_transformer import BallTransformerConfig
from kineme.encoders.token_encoder import TokenEncoder
from kineme.errors import LayoutMismatchError, SourceError
from kineme.infer import official_sizes as told
from kineme.infer.checkpoint import Checkpoint, read_checkpoint
from kineme.infer.difference import Difference
from kineme.infer.official import KERNEL, MAMP_NAMING, Naming, our_value
from kineme.infer.official_hacm import HACM_NAMING
from kineme.infer.recipe_fit import require_fitting_recipe
from kineme.infer.start import fitted_table
from kineme.layout import Layout
from kineme.methods import Method
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir


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
    """Make a run of a checkpoint of the authors' MAE, MAMP, HA-CM or STJD-MP, or of a classifier on one of these.

    Sizes are those of the weights, all else is as configured. Where the window has another number of slots than the
    weights, position tables in time are interpolated. A classifier becomes a run of the method ``supervised``.

    Args:
        file: ``.pth`` with a state dict, by itself or under ``model``; no code that it may hold is run.
        config: recipe that the weights belong to.
        layout: joints in the order in which the weights were trained.
        out: folder of the run, which appears whole or not at all.

    Raises:
        SourceError: not a checkpoint, or not of the networks of this recipe.
        LayoutMismatchError: weights of another number of joints.
        ConfigError: sizes that do not fit the window, the heads or the layout.
        RunError: a run is at ``out`` already.
    """
    file = Path(file)
    checkpoint = read_checkpoint(file)
    config, notes = _sized(file, config, checkpoint)
    channels = told.num_channels(checkpoint.weights) or 3
    with torch.device("meta"):  # names and shapes alone: a forged file could ask for networks of any size
        networks = build_method(config, layout, channels)
    _require_joints(file, networks, layout, told.num_joints(checkpoint.weights))
    naming = HACM_NAMING if isinstance(config.encoder, BallTransformerConfig) else MAMP_NAMING
    used = {name: value for name, value in checkpoint.weights.items() if not naming.is_dead(name)}
    weights = _ours(file, used, naming, networks.state_dict())
    provenance = {"weights": file.name, "sha256": _sha256(file), "kineme": kineme.__version__}
    run = RunDir.create_imported(Path(out), config, layout, channels, weights, provenance)
    notes += _interpolation(networks, config.prepare.window, told.num_slots(used))
    return Imported(run, (_summary(config.method.name, len(used), len(checkpoint.weights)), *notes))


def _sized(file: Path, config: RunConfig, checkpoint: Checkpoint) -> tuple[RunConfig, list[str]]:
    """Configuration with the sizes of the weights, and where these differ from the recipe's."""
    weights, settings = checkpoint.weights, checkpoint.settings
    if require_fitting_recipe(file, config, checkpoint) == "classifier":
        supervised = config.method if isinstance(config.method, SupervisedConfig) else config.finetune.method
        config = config.with_changes(method=supervised, augment=config.augment[:1], published=())
        method = told.head_sizes(weights)
    else:
        method = told.decoder_sizes(weights, settings)
    encoder = told.encoder_sizes(weights, settings)
    notes = [*_overruled("encoder", config.encoder, encoder), *_overruled("method", config.method, method)]
    if "heads" not in encoder:
        notes.append("encoder.heads: as in the recipe; the file does not tell their number, nor does any shape")
    changes = {"encoder": config.encoder.with_changes(**encoder), "method": config.method.with_changes(**method)}
    return config.with_changes(**changes), notes


def _overruled(part: str, settings: Config, sizes: Mapping[str, Any]) -> list[str]:
    old = settings.model_dump()
    changed = {name: size for name, size in sizes.items() if size != old[name]}
    return [f"{part}.{name}: {size} in the file, {old[name]} in the recipe" for name, size in changed.items()]


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
    _require_kernel(file, used.get(KERNEL))
    fitted = {name: fitted_table(naming.ours(name), our_value(name, value), networks) for name, value in used.items()}
    difference = Difference.of(fitted, {naming.official(name): value for name, value in networks.items()})
    if difference:
        listed = difference.describe(lambda name: _both(name, naming.ours(name)))
        raise SourceError(file, f"not the weights of these networks:{listed}\n", fix="perhaps of another recipe")
    return {naming.ours(name): value for name, value in fitted.items()}


def _require_kernel(file: Path, kernel: Tensor | None) -> None:
    """A matrix in its place might be of either order of frames and coordinates."""
    if kernel is not None and (kernel.ndim != 4 or kernel.shape[-1] != 1):
        problem = f"{KERNEL}: expected a kernel (D, C, segment, 1), found shape {tuple(kernel.shape)}"
        raise SourceError(file, problem, fix="save the state dict as the authors' code has it")


def _both(official: str, ours: str) -> str:
    return official if official == ours else f"{official} (ours: {ours})"


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _summary(method: str, used: int, found: int) -> str:
    dropped = f"; dropped {found - used} that the authors' code never uses" if used < found else ""
    return f"{used} weights of {method}{dropped}"


def _interpolation(networks: Method, window: int, found: int | None) -> list[str]:
    assert isinstance(networks.encoder, TokenEncoder)
    slots = networks.encoder.slots
    if slots == found:
        return []
    return [f"positions: {found} slots in the file, {slots} in a window of {window} frames; interpolated"]
