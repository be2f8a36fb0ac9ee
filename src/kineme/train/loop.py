"""The training loop: clips in, weights out, in one readable function.

The steps themselves are `kineme.train.trainer`'s; their random decisions are functions of (seed, rank, step), so a run
that was killed and resumed from its last checkpoint ends with the same weights, bit for bit, as one that was not.
"""

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from kineme.errors import RunError
from kineme.infer.start import load_start, read_weights
from kineme.methods import Method
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method, share_batch_norms, with_classes
from kineme.train.clips import clips_per_step, training_clips
from kineme.train.compute import Compute, count_flops, device_name
from kineme.train.run_dir import STATE, RunDir, write_atomically
from kineme.train.trainer import Trainer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What a progress display is told after every step.

    Args:
        step: optimiser steps done, of ``steps``.
        epoch: epochs done, with the fraction of the current one.
        clips: clips seen since the loop started.
        loss: of this step; None on most, so that they need no synchronisation with the device.
    """

    step: int
    steps: int
    epoch: float
    clips: int
    loss: float | None = None


OnStep = Callable[[Report], None]
OnEpoch = Callable[[int, Method], None]
"""Told the number of epochs done and the method; must leave both the method and torch's generator as they were."""


def fit(
    config: RunConfig,
    store: SkeletonStore,
    out: str | Path,
    *,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    on_step: OnStep = lambda report: None,
    on_epoch: OnEpoch | None = None,
) -> RunDir:
    """Train as configured and leave the result in a run directory.

    Ctrl-C and SIGTERM end the loop after the current step, with a checkpoint.

    Args:
        config: the run.
        store: clips; only a method that needs labels looks at them.
        out: folder of the run.
        resume: go on with the run that is there.
        accelerator: "auto", "cpu", "cuda" or "mps".
        devices: how many, for data-parallel training.
        on_step: told after every step.
        on_epoch: called after every epoch, in the first process only.

    Raises:
        RunError: a run is at ``out`` already, the run there is another, or the loss stopped being a number.
        ConfigError: parts of the configuration that do not fit together.
        SplitError: the store cannot provide the configured split.
        LayoutMismatchError: the store has other joints than the run that training starts from.
        StoreError: the method needs labels and there are none.
    """
    config = with_classes(config, store)
    index = training_clips(config, store)
    fabric = Fabric(accelerator=accelerator, devices=devices, precision=config.train.precision)
    fabric.launch()
    batch_size = clips_per_step(config.train.batch_size, len(index), fabric.world_size)
    method = build_method(config, store.layout, store.channels)
    share_batch_norms(method, fabric.device, fabric.world_size)
    _require_joints_of_start(config, store)
    if config.start.weights is not None and not (resume and (Path(out) / STATE).exists()):
        report = load_start(method, read_weights(config.start.weights), config.start.scope)
        logger.info("weights of %s: %s", config.start.weights, report)
    with fabric.rank_zero_first():  # which makes the folder; the others find it there
        run = _open_run(Path(out), config, store, index, resume or not fabric.is_global_zero)
    flops = _flops_per_clip(run, store, index, batch_size) if fabric.is_global_zero else 0.0
    loop = _Loop(fabric, run, method, store, index, batch_size, flops)
    if resume:
        loop.restore()
    loop.run_to_end(on_step, on_epoch)
    return run


class InterruptedRunError(RunError):
    """The loop was asked to stop (Ctrl-C, SIGTERM) and saved its state."""


def _require_joints_of_start(config: RunConfig, store: SkeletonStore) -> None:
    """Check the joints of the run that training starts from: as many in another order would fit its weights."""
    weights = config.start.weights
    if weights is not None and (Path(weights) / "run.json").is_file():
        store.require_layout(RunDir.open(weights).layout)


def _open_run(out: Path, config: RunConfig, store: SkeletonStore, index: np.ndarray, resume: bool) -> RunDir:
    num_clips = len(index)
    if not resume:
        return RunDir.create(out, config, store, num_clips, store.ids[index])
    run = RunDir.open(out)
    if run.config != config:
        raise RunError(f"{out} holds a run with another configuration; resume it with: --config {out / 'run.json'}")
    store.require_layout(run.layout)
    if run.record.num_clips != num_clips:
        raise RunError(f"{out} was run on {run.record.num_clips} clips, this store offers {num_clips}; use its store")
    return run


def _flops_per_clip(run: RunDir, store: SkeletonStore, index: np.ndarray, batch_size: int) -> float:
    """Operations of a training step, counted once in a run."""
    known = run.compute()
    return count_flops(run.config, store, index, batch_size) if known is None else known.flops_per_clip


class _Loop(Trainer):
    """A training whose course and results are kept in a run directory."""

    def __init__(
        self,
        fabric: Fabric,
        run: RunDir,
        method: Method,
        store: SkeletonStore,
        index: np.ndarray,
        batch_size: int,
        flops_per_clip: float,
    ) -> None:
        super().__init__(fabric, run.config, method, store, index, batch_size)
        self.run, self.flops_per_clip = run, flops_per_clip
        self.metrics = _Metrics(run)

    def run_to_end(self, on_step: OnStep, on_epoch: OnEpoch | None) -> None:
        """All remaining steps, with checkpoints on the way."""
        last_epoch = min(self.settings.stop_epoch or self.settings.epochs, self.settings.epochs)
        steps = last_epoch * self.steps_per_epoch
        checkpoint_steps = self.settings.checkpoint_epochs * self.steps_per_epoch
        begin = self.step
        with _stop_requests() as stop:
            while self.step < steps and not self.asked_to(stop):
                loss = self.train_step()
                self.step += 1
                save = self.step % checkpoint_steps == 0
                # Looked at before it is saved: a loss that is not a number never reaches a checkpoint.
                look = save or self.step % self.settings.log_steps == 0 or self.step == steps
                logged = self.log(loss) if look else None
                if on_epoch is not None and self.step % self.steps_per_epoch == 0:
                    self.tell(on_epoch)
                if save:
                    self.save()
                clips = (self.step - begin) * self.batch_size
                on_step(Report(self.step, steps, self.step / self.steps_per_epoch, clips, logged))
        self.save()
        if self.step < steps:
            raise InterruptedRunError(
                f"stopped after step {self.step} of {steps}, nothing is lost; go on with --resume"
            )

    def tell(self, on_epoch: OnEpoch) -> None:
        """Let the first process look at the weights that would be saved; the others wait."""
        if self.fabric.is_global_zero:
            shown = self.method if self.average is None else self.average.module
            assert isinstance(shown, Method)
            on_epoch(self.step // self.steps_per_epoch, shown)
        self.fabric.barrier()

    def asked_to(self, stop: Sequence[int]) -> bool:
        """Whether any process was asked to stop; all answer alike, since none can go on without the others."""
        if self.fabric.world_size == 1:
            return bool(stop)
        if self.step % self.settings.log_steps:
            return False  # to agree costs a synchronisation, like logging
        asked = self.fabric.all_reduce(torch.tensor(len(stop), device=self.fabric.device), reduce_op="sum")
        assert isinstance(asked, Tensor)
        return asked.item() > 0

    def log(self, loss: Tensor) -> float:
        """Record the mean loss over processes.

        Raises:
            RunError: it is not a number any more.
        """
        reduced = self.fabric.all_reduce(loss, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        mean = reduced.item()
        if not np.isfinite(mean):
            raise RunError(f"the loss is {mean} at step {self.step}; lower --train.lr or set --train.clip-norm 1")
        if self.fabric.is_global_zero:
            self.metrics.write(self.step, self.step / self.steps_per_epoch, mean, self.lr)
        return mean

    def save(self) -> None:
        """Checkpoint: weights for use, state for going on."""
        if self.fabric.is_global_zero:
            weights = self.method.state_dict()
            averaged = None if self.average is None else self.average.state_dict()
            self.run.save_weights(weights if self.average is None else self.average.module.state_dict())
            state = {
                "step": self.step,
                "method": weights,
                "average": averaged,
                "optimizer": self.optimizer.state_dict(),
                "seconds": self.metrics.seconds(),
            }
            self.run.save_state(state)
            self.save_compute(state["seconds"])
        self.fabric.barrier()

    def save_compute(self, seconds: float) -> None:
        """What the training has cost so far; resuming a finished run, perhaps elsewhere, adds nothing."""
        known = self.run.compute()
        if known is not None and known.steps == self.step:
            return
        compute = Compute(
            clips=self.step * self.batch_size,
            steps=self.step,
            flops_per_clip=self.flops_per_clip,
            seconds=seconds,
            device=device_name(self.fabric.device),
            precision=self.settings.precision,
            processes=self.fabric.world_size,
        )
        self.run.save_compute(compute)

    def restore(self) -> None:
        """Take up the last checkpoint; a run without one starts over."""
        state = self.run.load_state(self.fabric.device)
        if state is not None:
            self.method.load_state_dict(state["method"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.step = state["step"]
        if self.fabric.is_global_zero:
            self.metrics.rewind(self.step, 0.0 if state is None else state["seconds"])


@dataclass
class _Metrics:
    """Writes metrics.jsonl."""

    run: RunDir
    _began: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds spent training, over all resumptions."""
        return time.monotonic() - self._began

    def write(self, step: int, epoch: float, loss: float, lr: float) -> None:
        line = {"step": step, "epoch": epoch, "loss": loss, "lr": lr, "seconds": round(self.seconds(), 3)}
        with self.run.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def rewind(self, step: int, seconds: float) -> None:
        """Forget what was logged after a checkpoint."""
        self._began = time.monotonic() - seconds
        kept = [line for line in self.run.metrics() if line["step"] <= step]
        write_atomically(self.run.metrics_file, "".join(json.dumps(line) + "\n" for line in kept).encode())


@contextmanager
def _stop_requests() -> Iterator[Sequence[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; a second one interrupts at once."""
    requests: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if requests:
            raise KeyboardInterrupt
        requests.append(number)

    try:
        previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: signals are somebody else's business
        previous = {}
    try:
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
