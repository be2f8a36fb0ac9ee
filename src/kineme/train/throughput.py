"""How fast a recipe trains and encodes on this machine, and how long the whole of it would take."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from pydantic import computed_field

from kineme.clip_source import resident
from kineme.config import Config
from kineme.errors import ConfigError
from kineme.evaluate.bank import extract
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method, with_classes
from kineme.train.clips import clips_per_step
from kineme.train.compute import count_flops, device_name
from kineme.train.config import Precision
from kineme.train.matrix_peak import matrix_peak
from kineme.train.stand_in import TimedClips
from kineme.train.trainer import Trainer

_FIRST = 4  # clips of the first step that tells how many a device can bear
_MOST_SECONDS = 2.0  # of a step, unless its size was asked for
_ENCODE_ROUNDS = 3
_DTYPES: dict[Precision, torch.dtype] = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16}

OnProgress = Callable[[str, int, int], None]
"""Told (what, done, total)."""


class Throughput(Config):
    """What was measured of one recipe, and what follows."""

    recipe: str
    method: str
    store: str
    """Folder of the store; empty where clips were made up."""
    layout: str
    device: str
    precision: str
    threads: int
    """Of the processor."""
    batch_size: int
    """Clips per step of the whole training."""
    clips: int
    """Clips per step as measured."""
    limit: Literal["none", "time", "memory"]
    """Why these are fewer."""
    seconds: tuple[float, ...]
    """Of every step."""
    views_seconds: float
    """What making the views of a step's clips takes, median; measured by itself."""
    flops_per_clip: float
    """Of forward and backward pass (see `kineme.train.compute.count_flops`)."""
    peak_flops: float
    """Per second: the fastest matrix product on this device in this precision, measured just before."""
    peak_memory: int | None
    """Bytes on the device; None where it does not tell."""
    train_clips: int
    test_clips: int
    epochs: int
    encoded_per_second: float
    """Clips through the frozen encoder, in float32."""
    views: int
    """Of training clips that the recipe's linear probe is trained on."""
    test_views: int
    """Of test clips that it is measured on."""

    @computed_field
    @property
    def seconds_per_step(self) -> float:
        """Median."""
        return median(self.seconds)

    @computed_field
    @property
    def clips_per_second(self) -> float:
        """Training."""
        return self.clips / self.seconds_per_step

    @computed_field
    @property
    def views_share(self) -> float:
        """Share of a step that is spent on making views."""
        return self.views_seconds / self.seconds_per_step

    @computed_field
    @property
    def flops_per_second(self) -> float:
        """Counted operations of training."""
        return self.flops_per_clip * self.clips_per_second

    @computed_field
    @property
    def utilisation(self) -> float:
        """Share of the fastest matrix product's speed."""
        return self.flops_per_second / self.peak_flops

    @computed_field
    @property
    def clips_per_epoch(self) -> int:
        """Without the last ones, which fill no batch."""
        return self.train_clips - self.train_clips % self.batch_size

    @computed_field
    @property
    def training_seconds(self) -> float:
        """Time of the whole training at this rate."""
        return self.epochs * self.clips_per_epoch / self.clips_per_second

    @computed_field
    @property
    def probe_seconds(self) -> float:
        """Time of encoding for the recipe's linear probe, all views of both sides."""
        encoded = self.train_clips * self.views + self.test_clips * self.test_views
        return encoded / self.encoded_per_second


def measure_throughput(
    config: RunConfig,
    clips: TimedClips,
    *,
    steps: int = 10,
    batch_size: int | None = None,
    accelerator: str = "auto",
    progress: OnProgress = lambda what, done, total: None,
) -> Throughput:
    """Time the first training steps of a run, from fresh weights, and its frozen encoder; nothing is written.

    The steps are those of `kineme.train.loop.fit`, but the device is waited for after each. A method that does more
    later on (mining after some epochs) is timed as at its start. Where a step of the whole batch would take long, it
    has fewer clips, and also where the device's memory does not hold it; not so where its size was asked for.

    Args:
        config: the run; weights that it starts from are not looked at.
        clips: what it is trained on.
        steps: how many are timed.
        batch_size: clips per step; the recipe's, or as many as can be borne, by default.
        accelerator: "auto", "cpu", "cuda" or "mps".
        progress: told what is being done.

    Raises:
        ConfigError: parts of the run do not fit together, or the device's memory is too small.
    """
    config = with_classes(config, clips.store)
    wanted = clips_per_step(batch_size or config.train.batch_size, len(clips.index), 1)
    fabric = Fabric(accelerator=accelerator, devices=1, precision=config.train.precision)
    bench = _Bench(config, clips, fabric, steps, progress)
    with torch.random.fork_rng():
        progress("counting operations", 0, steps)
        flops = count_flops(config, clips.store, clips.index, wanted)
        progress("looking for a size", 0, steps)
        bearable = wanted if batch_size else bench.bearable(wanted)
        fitting, timing = bench.as_many_as_fit(bearable, once=bool(batch_size))
    return Throughput(
        recipe=config.recipe,
        method=config.method.name,
        store="" if clips.synthetic else str(clips.store.path or "memory"),
        layout=clips.store.layout.name,
        device=device_name(fabric.device),
        precision=config.train.precision,
        threads=torch.get_num_threads(),
        batch_size=wanted,
        clips=fitting,
        limit="memory" if fitting < bearable else "time" if bearable < wanted else "none",
        flops_per_clip=flops,
        train_clips=len(clips.index),
        test_clips=clips.test,
        epochs=min(config.train.stop_epoch or config.train.epochs, config.train.epochs),
        views=config.features.views,
        test_views=config.features.views if config.features.average else 1,
        **vars(timing),
    )


@dataclass(frozen=True)
class _Timing:
    """The fields of `Throughput` that are measured with clips of one size of step."""

    seconds: tuple[float, ...]
    views_seconds: float
    peak_flops: float
    peak_memory: int | None
    encoded_per_second: float


@dataclass(frozen=True)
class _Bench:
    """A run to be timed, on a device."""

    config: RunConfig
    clips: TimedClips
    fabric: Fabric
    steps: int
    progress: OnProgress

    def trainer(self, size: int) -> Trainer:
        """Fresh weights, and steps of so many clips; the first is done, since memory is set up in it."""
        store = self.clips.store
        method = build_method(self.config, store.layout, store.channels)
        trainer = Trainer(self.fabric, self.config, method, store, self.clips.index, size)
        _take_step(trainer)
        return trainer

    def bearable(self, wanted: int) -> int:
        """As many clips as are wanted or, where such a step would take long, a power of two that does not.

        A few clips may take as long as many, so that every guess is tried.
        """
        size = min(_FIRST, wanted)
        while size < wanted:
            try:
                trainer = self.trainer(size)
                seconds = min(_take_step(trainer), _take_step(trainer))  # one alone may have had to wait
            except RuntimeError as error:
                _require_memory_error(error)
                return size
            guess = int(size * _MOST_SECONDS / seconds)
            larger = wanted if guess >= wanted else 1 << max(guess.bit_length() - 1, 0)
            if larger <= size:
                return size
            size = larger
        return size

    def as_many_as_fit(self, size: int, *, once: bool) -> tuple[int, _Timing]:
        """Clips per step that memory holds, and what was measured with them.

        Args:
            size: tried first; then half of it, and so on.
            once: nothing else is tried.
        """
        while True:
            try:
                return size, self.timing(size)
            except RuntimeError as error:
                _require_memory_error(error)
                if once or size == 1:
                    raise ConfigError(
                        f"{device_name(self.fabric.device)}: no memory for {size} clips per step; give a smaller "
                        f"--batch-size, or another --accelerator"
                    ) from error
            size //= 2

    def timing(self, size: int) -> _Timing:
        """What is measured with so many clips per step."""
        device = self.fabric.device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        trainer, seconds = self.trainer(size), []
        peak_flops = matrix_peak(device, _DTYPES[self.config.train.precision])
        for done in range(self.steps):
            self.progress("steps", done, self.steps)
            seconds.append(_take_step(trainer))
        peak_memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
        self.progress("views and frozen encoder", self.steps, self.steps)
        views_seconds = median(_make_views(trainer) for _ in range(self.steps))
        return _Timing(tuple(seconds), views_seconds, peak_flops, peak_memory, self.encoded_per_second(trainer))

    def encoded_per_second(self, trainer: Trainer) -> float:
        """Clips through the frozen encoder, as many at a time as a step has."""
        store, index = resident(self.clips.store, self.fabric.device), self.clips.index
        some = index[np.linspace(0, len(index) - 1, trainer.batch_size).astype(np.int64)]
        seconds = []
        for _ in range(_ENCODE_ROUNDS):
            began = time.perf_counter()
            extract(
                trainer.method.encoder,
                store,
                some,
                self.config.prepare,
                self.config.features,
                device=trainer.fabric.device,
            )
            seconds.append(time.perf_counter() - began)
        return len(some) / median(seconds)


def _take_step(trainer: Trainer) -> float:
    """Seconds of a step; asking for its loss waits for the device."""
    began = time.perf_counter()
    trainer.train_step().item()
    trainer.step += 1
    return time.perf_counter() - began


def _make_views(trainer: Trainer) -> float:
    """Seconds of making the views of a step."""
    generator, began = trainer.seed_step(), time.perf_counter()
    for part in trainer.parts_of(trainer.step):
        trainer.make_views(part, generator)[-1].xyz.sum().item()
    trainer.step += 1
    return time.perf_counter() - began


def _require_memory_error(error: RuntimeError) -> None:
    """Pass on every other error; processors and Apple's devices have no class of their own for it."""
    if not isinstance(error, torch.OutOfMemoryError) and "memory" not in str(error):
        raise error
