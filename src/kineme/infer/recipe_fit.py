"""Whether weights of the authors belong to a recipe, and to which one if not."""

from collections.abc import Mapping
from pathlib import Path

from kineme.encoders.token_encoder import TokenEncoderConfig
from kineme.errors import ConfigError, SourceError
from kineme.infer.checkpoint import Checkpoint
from kineme.infer.official_sizes import Kind, foreign_project, kind_of
from kineme.recipes.base import RunConfig, recipes

_METHODS: Mapping[Kind, tuple[str, ...]] = {"masked": ("mamp", "mae"), "stjd_mp": ("stjd_mp",), "hacm": ("hacm",)}
_PROGRAMS = {"model_mamp": "mamp", "model_mae": "mae"}  # modules of the authors' code; nothing else tells these two


def require_fitting_recipe(file: Path, config: RunConfig, checkpoint: Checkpoint) -> Kind:
    """What the weights are, which must be what the recipe's networks hold.

    Args:
        file: where they are from, for messages.
        config: the recipe.
        checkpoint: the weights.

    Raises:
        SourceError: weights of another method or project; which recipe is theirs, where that can be told.
        ConfigError: a recipe of networks that no authors' weights belong to.
    """
    if not isinstance(config.encoder, TokenEncoderConfig):
        raise ConfigError(f"{file}: the authors have no weights for {config.encoder.name}; see: kineme recipes")
    kind = kind_of(checkpoint.weights)
    if kind is None:
        fix = "expected those of MAE, MAMP, HA-CM or STJD-MP as the authors' code saves them"
        raise SourceError(file, foreign_project(checkpoint.weights), fix=fix)
    if kind != "classifier":
        fitting = _fitting_methods(kind, checkpoint)
        if config.method.name not in fitting:
            recipe = config.recipe or "this"
            problem = f"weights of {' or '.join(fitting)}, and {recipe} is a recipe of {config.method.name}"
            raise SourceError(file, problem, fix=_advice(config, fitting[0]))
    return kind


def _fitting_methods(kind: Kind, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Methods that have such networks; MAE's and MAMP's are alike, but their programs have names."""
    model = checkpoint.settings.get("model")
    program = _PROGRAMS.get(model.partition(".")[0]) if isinstance(model, str) else None
    return (program,) if program is not None and kind == "masked" else _METHODS[kind]


def _advice(config: RunConfig, method: str) -> str:
    """What to do with weights of another method than the recipe's."""
    import_them = f"kineme import-weights {_recipe_of(method, config.recipe)} FILE"
    if config.method.name == "stjd_mp" and method == "mamp":
        return f"STJD-MP starts from these: {import_them}, then: kineme pretrain {config.recipe} --start.weights RUN"
    return f"{import_them}; kineme recipes lists all"


def _recipe_of(method: str, recipe: str) -> str:
    """The recipe of another method for the same data, if there is one."""
    data = recipe.partition("-")[2].partition("-to-")[0]
    return next((name for name in recipes.names() if name == f"{method}-{data}"), "RECIPE")
