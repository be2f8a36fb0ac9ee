"""The training loop: clips in, weights out, in one readable function.

Every random decision is a function of (seed, rank, step), so a run that was killed and resumed from its last
checkpoint ends with the same weights, bit for bit, as one that was not.
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
from torch import Generator, Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kineme.clips import RaggedClips
from kineme.errors import RunError
from kineme.infer.start import load_start, read_weights
from kineme.methods import Method, Progress, StepInput
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method, share_batch_norms, with_classes
from kineme.train.clips import clips_per_step, training_clips
from kineme.train.compute import Compute, count_flops, device_name
from kineme.train.optim import build_optimizer, set_lr
from kineme.train.partners import Partners
from kineme.train.run_dir import STATE, RunDir, write_atomically
from kineme.transforms import Augmentation, TrainViews, at_epoch

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


class _Loop:
    """State of a training run and the steps that change it."""

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
        config = self.config = run.config.train
        self.fabric, self.run, self.index = fabric, run, torch.from_numpy(index)
        self.store = store.to(fabric.device) if fabric.device.type != "cpu" else store
        self.method = method
        self.average = _average(self.method, config.ema)
        self.batch_size = batch_size
        self.flops_per_clip = flops_per_clip
        self.steps_per_epoch = len(index) // self.batch_size
        self.step = 0
        self.order_epoch, self.order = -1, self.index
        self.partners = Partners(store, index) if run.config.partner == "other_view" else None
        self.views_epoch, self.views = -1, _train_views(run.config, run.config.augment)
        self.model, self.optimizer = fabric.setup(self.method, build_optimizer(self.method, config))
        if self.average is not None:
            self.average.to(fabric.device)
        self.metrics = _Metrics(run)

    def run_to_end(self, on_step: OnStep, on_epoch: OnEpoch | None) -> None:
        """All remaining steps, with checkpoints on the way."""
        last_epoch = min(self.config.stop_epoch or self.config.epochs, self.config.epochs)
        steps = last_epoch * self.steps_per_epoch
        checkpoint_steps = self.config.checkpoint_epochs * self.steps_per_epoch
        begin = self.step
        with _stop_requests() as stop:
            while self.step < steps and not self.asked_to(stop):
                loss = self.train_step()
                self.step += 1
                save = self.step % checkpoint_steps == 0
                # Looked at before it is saved: a loss that is not a number never reaches a checkpoint.
                look = save or self.step % self.config.log_steps == 0 or self.step == steps
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
        if self.step % self.config.log_steps:
            return False  # to agree costs a synchronisation, like logging
        asked = self.fabric.all_reduce(torch.tensor(len(stop), device=self.fabric.device), reduce_op="sum")
        assert isinstance(asked, Tensor)
        return asked.item() > 0

    def train_step(self) -> Tensor:
        """One optimiser step on the next batch; returns the detached mean loss."""
        generator = self.seed_step()
        epoch = self.step / self.steps_per_epoch
        progress = Progress(self.step, epoch, self.config.epochs)
        self.metrics.lr = set_lr(self.optimizer, self.config, epoch)
        make_views = self.views_of_epoch()
        parts = self.next_batch().chunk(self.config.accumulate)
        losses = []
        for i, part in enumerate(parts):
            views = make_views(self.store.gather(part), generator, self.partners_of(part, i))
            with self.fabric.no_backward_sync(self.model, enabled=i < len(parts) - 1):
                output = self.model(StepInput(views, generator, progress))
                self.fabric.backward(output.loss / len(parts))
            losses.append(output.loss.detach())
        if self.config.clip_norm is not None:
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.method.after_step(progress)
        if self.average is not None:
            self.average.update_parameters(self.method)
        return torch.stack(losses).mean()

    def seed_step(self) -> Generator:
        """Generator for this step's draws; also seeds torch's own, which dropout uses."""
        entropy = (self.config.seed, self.fabric.global_rank, self.step)
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        torch.manual_seed(seed)
        return Generator(device=self.fabric.device).manual_seed(seed)

    def next_batch(self) -> Tensor:
        """Positions of this process's share of the next batch; every epoch has its own order."""
        epoch, place = divmod(self.step, self.steps_per_epoch)
        if epoch != self.order_epoch:
            rng = np.random.default_rng((self.config.seed, epoch))
            self.order_epoch, self.order = epoch, self.index[rng.permutation(len(self.index))]
        batch = self.order[place * self.batch_size : (place + 1) * self.batch_size]
        return batch[self.fabric.global_rank :: self.fabric.world_size]

    def partners_of(self, clips: Tensor, part: int) -> RaggedClips | None:
        """What further views of one part of a batch show, where these are other clips."""
        if self.partners is None:
            return None
        rng = np.random.default_rng((self.config.seed, self.fabric.global_rank, self.step, part))
        return self.store.gather(torch.from_numpy(self.partners.draw(clips.numpy(), rng)))

    def views_of_epoch(self) -> TrainViews:
        """What makes the views of a batch; a schedule may change it from epoch to epoch."""
        epoch = self.step // self.steps_per_epoch
        if epoch != self.views_epoch:
            config, seed = self.run.config, self.config.seed
            active = [at_epoch(augment, epoch, seed, view) for view, augment in enumerate(config.augment)]
            self.views_epoch, self.views = epoch, _train_views(config, active)
        return self.views

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
            self.metrics.write(self.step, self.step / self.steps_per_epoch, mean)
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
            precision=self.config.precision,
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
    lr: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds spent training, over all resumptions."""
        return time.monotonic() - self._began

    def write(self, step: int, epoch: float, loss: float) -> None:
        line = {"step": step, "epoch": epoch, "loss": loss, "lr": self.lr, "seconds": round(self.seconds(), 3)}
        with self.run.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def rewind(self, step: int, seconds: float) -> None:
        """Forget what was logged after a checkpoint."""
        self._began = time.monotonic() - seconds
        kept = [line for line in self.run.metrics() if line["step"] <= step]
        write_atomically(self.run.metrics_file, "".join(json.dumps(line) + "\n" for line in kept).encode())


def _train_views(config: RunConfig, augment: Sequence[Augmentation]) -> TrainViews:
    return TrainViews(config.prepare, augment, share_crop=config.share_crop)


def _average(method: Method, decay: float | None) -> AveragedModel | None:
    return None if decay is None else AveragedModel(method, multi_avg_fn=get_ema_multi_avg_fn(decay))


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
