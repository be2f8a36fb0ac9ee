"""What an import asks of every family of code bases, one family per kind of encoder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kineme.config import Config
from kineme.infer.checkpoint import Checkpoint
from kineme.infer.official import Naming
from kineme.infer.shapes import Weights
from kineme.methods import Method
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import RunConfig


class Family(ABC):
    """Code bases that share an encoder: what their files hold, and how they name it."""

    @abstractmethod
    def sized(self, file: Path, config: RunConfig, checkpoint: Checkpoint) -> tuple[RunConfig, list[str]]:
        """The run that the weights are of, at their sizes; and where these differ from the recipe's.

        Args:
            file: where the weights are from, for messages.
            config: the recipe.
            checkpoint: the weights.

        Raises:
            SourceError: weights of another method or project, or not all of a network.
        """

    @abstractmethod
    def joints(self, weights: Weights) -> int | None:
        """V of the encoder, where a shape tells."""

    @abstractmethod
    def channels(self, weights: Weights) -> int | None:
        """C, where a shape tells."""

    @abstractmethod
    def naming(self, config: RunConfig, weights: Weights) -> Naming:
        """How the weights of a run are named."""

    @abstractmethod
    def require_sound(self, file: Path, weights: Weights, networks: Method) -> None:
        """Check what neither names nor shapes tell.

        Raises:
            SourceError: a weight that cannot be what its name says.
            LayoutMismatchError: weights of another skeleton.
        """

    @abstractmethod
    def remarks(self, config: RunConfig, weights: Weights, networks: Method) -> list[str]:
        """What else a user should know of an import that succeeded."""


def as_classifier(config: RunConfig) -> RunConfig:
    """The run of a classifier on the encoder of a recipe, whose published numbers are no longer its own."""
    supervised = config.method if isinstance(config.method, SupervisedConfig) else config.finetune.method
    return config.with_changes(method=supervised, augment=(config.mildest,), published=())


def with_sizes(config: RunConfig, encoder: Mapping[str, Any], method: Mapping[str, Any]) -> tuple[RunConfig, list[str]]:
    """A run with other settings of its encoder and its method, and which of them are news."""
    notes = [*_overruled("encoder", config.encoder, encoder), *_overruled("method", config.method, method)]
    changes = {"encoder": config.encoder.with_changes(**encoder), "method": config.method.with_changes(**method)}
    return config.with_changes(**changes), notes


def _overruled(part: str, settings: Config, sizes: Mapping[str, Any]) -> list[str]:
    old = settings.model_dump()
    changed = {name: size for name, size in sizes.items() if size != old[name]}
    return [f"{part}.{name}: {size} in the file, {old[name]} in the recipe" for name, size in changed.items()]
