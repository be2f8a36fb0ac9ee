"""What a training cost: floating-point operations, seconds, and on what."""

import platform
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from kineme.clips import ClipBatch
from kineme.config import Config
from kineme.methods import Progress, StepInput
from kineme.nn.matmul import FUSED_LINEAR, onednn_is_exact
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.partners import Partners
from kineme.transforms import TrainViews, at_epoch

MOST_CLIPS = 8
"""Clips that operations are counted on."""


class Compute(Config):
    """Contents of compute.json, up to the last checkpoint. Of weights that a training started from it knows nothing."""

    clips: Annotated[int, Field(ge=0)]
    """Clips seen by all processes; one counts as often as it was seen."""
    steps: Annotated[int, Field(ge=0)]
    """Optimiser steps."""
    flops_per_clip: Annotated[float, Field(ge=0)]
    """Of forward and backward pass, as `count_flops` has it."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall time over all resumptions, with what was done between epochs (fine-tuning predicts the test clips there)."""
    device: str
    """Name of one device; of the last one, where a run was resumed on another."""
    precision: str
    processes: Annotated[int, Field(ge=1)]
    """Data-parallel ones, each with a device."""

    @property
    def flops(self) -> float:
        """Floating-point operations of the whole training."""
        return self.clips * self.flops_per_clip


def count_flops(config: RunConfig, store: SkeletonStore, index: np.ndarray, batch_size: int) -> float:
    """Floating-point operations per clip of a training step, forward and backward.

    A fresh method takes the first step's forward and backward pass on a few clips, on the CPU, so that the count is
    the same wherever the training runs, and the training is not touched: not its weights, nor any random draw.

    Counted are matrix products, convolutions and attention, a multiplication and an addition each, as is usual; that
    is nearly all of the work of large networks. Left out are elementwise operations, norms, softmax, sorting,
    distances, the optimiser, views, and scores that a fused attention computes twice. A method that does more later on
    (mining after some epochs) or something else in every step (AgRNet's streams in turn) is taken as in its first step.

    Args:
        config: the run.
        store: clips.
        index: (N,) positions of the training clips.
        batch_size: clips per step; no more are looked at, and no more than `MOST_CLIPS`.
    """
    clips = index[np.linspace(0, len(index) - 1, min(MOST_CLIPS, batch_size)).astype(np.int64)]
    method = build_method(config, store.layout, store.channels)
    generator = Generator().manual_seed(config.train.seed)
    views = _first_views(config, store, index, clips, generator)
    progress = Progress(step=0, epoch=0.0, epochs=config.train.epochs)
    onednn_is_exact()  # its trial, once per process, is not to be counted
    with torch.random.fork_rng(devices=[]), FlopCounter() as counter:
        torch.manual_seed(config.train.seed)
        method(StepInput(views, generator, progress)).loss.backward()
    return counter.flops / len(clips)


def device_name(device: torch.device) -> str:
    """What a device is sold as, where torch or the system knows."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"


def _first_views(
    config: RunConfig, store: SkeletonStore, index: np.ndarray, clips: np.ndarray, generator: Generator
) -> list[ClipBatch]:
    """Views of clips (B,) as the first epoch has them, of partners where the run wants such."""
    on_cpu = store.to("cpu") if store.device.type != "cpu" else store
    active = [at_epoch(augment, 0, config.train.seed, view) for view, augment in enumerate(config.augment)]
    make_views = TrainViews(config.prepare, active, share_crop=config.share_crop)
    partners = None
    if config.partner == "other_view":
        rng = np.random.default_rng(config.train.seed)
        partners = on_cpu.gather(Partners(store, index).draw(clips, rng))
    return make_views(on_cpu.gather(clips), generator, partners)


class FlopCounter(TorchDispatchMode):
    """Counts the operations of everything that is computed while it lasts, by torch's formulas.

    It does without torch's own `FlopCounterMode`, which follows modules by hooks that not every method bears.

    Attributes:
        flops: so far.
    """

    flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = _FORMULAS.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


def _attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **more: Any) -> int:
    return sdpa_flop_count(query.shape, key.shape, value.shape)


def _attention_backward(gradient: Tensor, *forward: Any, **more: Any) -> int:
    return 2 * _attention(*forward)


def _linear(x: Tensor, weight: Tensor, *args: Any, **more: Any) -> int:
    return 2 * x.numel() * len(weight)


_aten = torch.ops.aten
_FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    # torch has none for the fused attention of CPUs.
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    # Nor for linear layers that are one with their bias and activation.
    FUSED_LINEAR: _linear,
}
