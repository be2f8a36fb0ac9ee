"""From a configuration to networks."""

import torch
from torch import nn

from kineme.encoders import encoders
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import ClassifierConfig, Method, methods
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore


def build_method(config: RunConfig, layout: Layout, channels: int) -> Method:
    """Freshly initialised method, a function of the configuration (its seed included) and the data's shape.

    Args:
        config: the run.
        layout: joints of the data.
        channels: C, coordinates per joint.

    Raises:
        ConfigError: parts that do not fit together.
    """
    kind = methods.get(config.method.name)
    if len(config.augment) != kind.num_views:
        raise ConfigError(
            f"{config.method.name} wants {kind.num_views} views, the run describes {len(config.augment)} in `augment`"
        )
    if config.partner != "itself" and (kind.num_views == 1 or not kind.needs_labels):
        raise ConfigError(
            f"partner {config.partner} is for methods that learn classes from two views, {config.method.name} is not "
            f"one of them; set --partner itself"
        )
    kind.require_stream(config.method, config.prepare.stream)
    with torch.random.fork_rng():
        torch.manual_seed(config.train.seed)
        encoder = encoders.get(config.encoder.name)(config.encoder, layout, config.prepare.window, channels)
        return kind(config.method, encoder)


def with_classes(config: RunConfig, store: SkeletonStore) -> RunConfig:
    """The run with as many classes as the store has, where its method learns classes."""
    method = config.method
    if not isinstance(method, ClassifierConfig) or not store.classes:
        return config
    return config.with_changes(method=method.with_changes(num_classes=len(store.classes)))


def share_batch_norms(method: Method, device: torch.device, processes: int) -> None:
    """Let batch norms count the clips of all processes, so that these do what one with the whole batch does.

    torch has it for CUDA only; on other devices every process goes on counting its own. Weights keep their names.

    Args:
        method: changed in place.
        device: what it will be trained on.
        processes: how many share a batch.
    """
    if processes > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(method)
