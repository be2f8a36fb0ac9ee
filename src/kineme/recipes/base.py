"""What a run is made of, and the registry of recipes.

A recipe is a function that returns a `RunConfig` with a paper's numbers; a variant calls another recipe and
changes a field. ``run.json`` is the exchange format: it replays a run.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import tyro
from pydantic import BeforeValidator, SerializeAsAny

from kineme.config import Config
from kineme.encoders import EncoderConfig, encoders
from kineme.evaluate.config import (
    ClassifyConfig,
    FeatureConfig,
    FineTuneConfig,
    LinearProbeConfig,
    NeighbourConfig,
    RefineConfig,
)
from kineme.methods import MethodConfig, methods
from kineme.registry import Registry
from kineme.train.config import Start, Subset, TrainConfig
from kineme.transforms.pipeline import Augmentation, Preparation


def _method_config(value: Any) -> Any:
    return methods.get(str(value.get("name", ""))).Config.parse(value) if isinstance(value, dict) else value


def _encoder_config(value: Any) -> Any:
    return encoders.get(str(value.get("name", ""))).Config.parse(value) if isinstance(value, dict) else value


class Published(Config):
    """A number that a paper reports for this recipe."""

    protocol: str
    value: float
    """Top-1 accuracy, percent."""
    source: str


class RunConfig(Config):
    """Everything that determines a run, but the data."""

    recipe: str = ""
    """Name of the recipe this configuration started from."""
    split: str | None = None
    """Split whose training clips are pretrained on and whose test clips are evaluated; all clips where None."""
    method: Annotated[SerializeAsAny[MethodConfig], BeforeValidator(_method_config)]
    encoder: Annotated[SerializeAsAny[EncoderConfig], BeforeValidator(_encoder_config)]
    prepare: Preparation = Preparation()
    augment: tuple[Augmentation, ...] = (Augmentation(),)
    """One per view that the method wants."""
    share_crop: bool = False
    """All views show the same frames, cropped as the first one says."""
    partner: Literal["itself", "other_view"] = "itself"
    """What views after the first show: the clip itself, or another of its class, from another camera wherever there is
    one (see `kineme.train.partners`); with ``share_crop`` the same part of it."""
    train: TrainConfig = TrainConfig()
    start: Start = Start()
    subset: Subset = Subset()
    features: FeatureConfig = FeatureConfig()
    probe: LinearProbeConfig = LinearProbeConfig()
    knn: NeighbourConfig = NeighbourConfig()
    refine: RefineConfig = RefineConfig()
    classify: ClassifyConfig = ClassifyConfig()
    finetune: Annotated[FineTuneConfig, tyro.conf.Suppress] = FineTuneConfig()
    published: Annotated[tuple[Published, ...], tyro.conf.Suppress] = ()

    @property
    def mildest(self) -> Augmentation:
        """The view that is changed least: methods with several have it last."""
        return self.augment[-1]


Recipe = Callable[[], RunConfig]
recipes: Registry[Recipe] = Registry("recipe", "kineme.recipes")


def recipe_config(name: str) -> RunConfig:
    """Configuration of a recipe, marked with its name."""
    return recipes.get(name)().with_changes(recipe=name)


def fine_tuning(config: RunConfig, weights: str) -> RunConfig:
    """A pretraining's configuration turned to supervised training of its encoder, as its recipe fine-tunes.

    Args:
        config: the pretraining.
        weights: its run's folder.
    """
    tuning, encoder = config.finetune, config.encoder
    if "drop_path" in type(encoder).model_fields:
        encoder = encoder.with_changes(drop_path=tuning.drop_path)
    return config.with_changes(
        method=tuning.method,
        encoder=encoder,
        augment=(config.mildest if tuning.augment is None else tuning.augment,),
        train=tuning.train,
        partner="itself",
        start=Start(weights=weights, scope="encoder"),
        finetune=FineTuneConfig(),  # has become the settings of the run itself
        published=(),
    )


def of_stream(config: RunConfig, stream: str) -> RunConfig:
    """The same run on another stream of the clips; published numbers of one stream alone are left behind.

    Args:
        config: the run.
        stream: a value of ``prepare.stream``.
    """
    if stream == config.prepare.stream:
        return config
    prepare, method = config.prepare.with_changes(stream=stream), config.method
    if "stream" in type(method).model_fields:
        method = method.with_changes(stream=stream)
    return config.with_changes(prepare=prepare, method=method, published=())
