"""Whether weights of the authors belong to a recipe, and to which one if not."""

from collections.abc import Sequence
from pathlib import Path

from kineme.errors import SourceError
from kineme.infer.shapes import Weights, has
from kineme.recipes.base import RunConfig, recipes

_PROJECTS = {
    "encoder.tokeniser.": "kineme itself, which needs no import",
    "encoder.input_norm.": "kineme itself, which needs no import",
    "st_gcn_networks.": "ST-GCN",
    "encoder_q.": "a contrastive method such as SkeletonCLR or AimCLR",
    "joints_embed.": "a masked method such as MAE or MAMP",
    "patch_embed.": "a transformer for pictures",
}


def foreign_project(weights: Weights) -> str:
    """What weights that are not of a recipe's family look like, for messages."""
    known = next((project for prefix, project in _PROJECTS.items() if has(weights, prefix)), "another project")
    return f"weights of {known}, with names such as {', '.join(list(weights)[:3])}"


def require_recipe(file: Path, config: RunConfig, fitting: Sequence[str]) -> None:
    """Check that a recipe is of one of the methods that have such networks.

    Args:
        file: where the weights are from, for messages.
        config: the recipe.
        fitting: names of the methods.

    Raises:
        SourceError: weights of another method; which recipe is theirs, where that can be told.
    """
    if config.method.name not in fitting:
        recipe = config.recipe or "this"
        problem = f"weights of {' or '.join(fitting)}, and {recipe} is a recipe of {config.method.name}"
        raise SourceError(file, problem, fix=_advice(config, fitting[0]))


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
