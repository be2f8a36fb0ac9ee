"""Files of MAE, MAMP, HA-CM and STJD-MP, and of classifiers on their encoders (spec-masked §7, spec-stjd §4)."""

from pathlib import Path
from typing import Literal

from kineme.encoders.ball_transformer import BallTransformerConfig
from kineme.encoders.token_encoder import TokenEncoder
from kineme.errors import SourceError
from kineme.infer import masked_sizes as told
from kineme.infer.checkpoint import Checkpoint
from kineme.infer.family import Family, as_classifier, with_sizes
from kineme.infer.official import KERNEL, MAMP_NAMING, Naming
from kineme.infer.official_hacm import HACM_NAMING
from kineme.infer.recipe_fit import foreign_project, require_recipe
from kineme.infer.shapes import Weights
from kineme.methods import Method
from kineme.recipes.base import RunConfig

_METHODS = {"masked": ("mamp", "mae"), "stjd_mp": ("stjd_mp",), "hacm": ("hacm",)}
_PROGRAMS = {"model_mamp": "mamp", "model_mae": "mae"}  # modules of the authors' code; nothing else tells these two


class MaskedFamily(Family):
    """Transformers over tokens of a joint's frames."""

    def sized(self, file: Path, config: RunConfig, checkpoint: Checkpoint) -> tuple[RunConfig, list[str]]:
        weights, settings = checkpoint.weights, checkpoint.settings
        kind = told.kind_of(weights)
        if kind is None:
            fix = "expected those of MAE, MAMP, HA-CM or STJD-MP as the authors' code saves them"
            raise SourceError(file, foreign_project(weights), fix=fix)
        if kind == "classifier":
            config, method = as_classifier(config), told.head_sizes(weights)
        else:
            require_recipe(file, config, _fitting_methods(kind, checkpoint))
            method = told.decoder_sizes(weights, settings)
        encoder = told.encoder_sizes(weights, settings)
        config, notes = with_sizes(config, encoder, method)
        if "heads" not in encoder:
            notes.append("encoder.heads: as in the recipe; the file does not tell their number, nor does any shape")
        return config, notes

    def joints(self, weights: Weights) -> int | None:
        return told.num_joints(weights)

    def channels(self, weights: Weights) -> int | None:
        return told.num_channels(weights)

    def naming(self, config: RunConfig, weights: Weights) -> Naming:
        return HACM_NAMING if isinstance(config.encoder, BallTransformerConfig) else MAMP_NAMING

    def require_sound(self, file: Path, weights: Weights, networks: Method) -> None:
        """A matrix in the kernel's place might be of either order of frames and coordinates."""
        kernel = weights.get(KERNEL)
        if kernel is not None and (kernel.ndim != 4 or kernel.shape[-1] != 1):
            problem = f"{KERNEL}: expected a kernel (D, C, segment, 1), found shape {tuple(kernel.shape)}"
            raise SourceError(file, problem, fix="save the state dict as the authors' code has it")

    def remarks(self, config: RunConfig, weights: Weights, networks: Method) -> list[str]:
        assert isinstance(networks.encoder, TokenEncoder)
        slots, found, window = networks.encoder.slots, told.num_slots(weights), config.prepare.window
        if slots == found:
            return []
        return [f"positions: {found} slots in the file, {slots} in a window of {window} frames; interpolated"]


def _fitting_methods(kind: Literal["masked", "stjd_mp", "hacm"], checkpoint: Checkpoint) -> tuple[str, ...]:
    """Methods that have such networks; MAE's and MAMP's are alike, but their programs have names."""
    model = checkpoint.settings.get("model")
    program = _PROGRAMS.get(model.partition(".")[0]) if isinstance(model, str) else None
    return (program,) if program is not None and kind == "masked" else _METHODS[kind]
