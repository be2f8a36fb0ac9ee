"""A training in memory: the steps that change a method, and nothing on disk.

Every random decision is a function of (seed, rank, step).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kineme.clip_source import ClipSource, ReadAhead
from kineme.clips import ClipBatch, RaggedClips
from kineme.methods import Method, Progress, StepInput
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.optim import build_optimizer, set_lr
from kineme.train.partners import Partners
from kineme.transforms import Augmentation, TrainViews, at_epoch


class Part(NamedTuple):
    """Clips that are run at once.

    Args:
        clips: of the batch.
        partners: shown by further views, where these are other clips.
    """

    clips: RaggedClips
    partners: RaggedClips | None


class Trainer:
    """State of a training and the step that changes it.

    Args:
        fabric: launched; says on what and in how many processes.
        config: the run.
        method: trained in place.
        store: clips.
        index: (N,) positions of the training clips.
        batch_size: clips per step, of all processes together.

    Attributes:
        step: optimiser steps done; whoever calls `train_step` counts them.
        lr: learning rate of the last step.
    """

    def __init__(
        self,
        fabric: Fabric,
        config: RunConfig,
        method: Method,
        store: SkeletonStore,
        index: np.ndarray,
        batch_size: int,
    ) -> None:
        self.fabric, self.config, self.settings = fabric, config, config.train
        self.index = torch.from_numpy(index)
        self.source = ClipSource(store, fabric.device)
        self.parts_of = self.read_parts if self.source.resident else ReadAhead(self.read_parts)
        self.method = method
        self.average = _average(self.method, self.settings.ema)
        self.batch_size = batch_size
        self.steps_per_epoch = len(index) // self.batch_size
        self.step, self.lr = 0, 0.0
        self.order_epoch, self.order = -1, self.index
        self.partners = Partners(store, index) if config.partner == "other_view" else None
        self.views_epoch, self.views = -1, _train_views(config, config.augment)
        self.model, self.optimizer = fabric.setup(self.method, build_optimizer(self.method, self.settings))
        if self.average is not None:
            self.average.to(fabric.device)

    def train_step(self) -> Tensor:
        """One optimiser step on the next batch; returns the detached mean loss."""
        generator = self.seed_step()
        epoch = self.step / self.steps_per_epoch
        progress = Progress(self.step, epoch, self.settings.epochs)
        self.lr = set_lr(self.optimizer, self.settings, epoch)
        parts = self.parts_of(self.step)
        losses = []
        for i, part in enumerate(parts):
            views = self.make_views(part, generator)
            with self.fabric.no_backward_sync(self.model, enabled=i < len(parts) - 1):
                output = self.model(StepInput(views, generator, progress))
                self.fabric.backward(output.loss / len(parts))
            losses.append(output.loss.detach())
        if self.settings.clip_norm is not None:
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.method.after_step(progress)
        if self.average is not None:
            self.average.update_parameters(self.method)
        return torch.stack(losses).mean()

    def seed_step(self) -> Generator:
        """Generator for this step's draws; also seeds torch's own, which dropout uses."""
        entropy = (self.settings.seed, self.fabric.global_rank, self.step)
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        torch.manual_seed(seed)
        return Generator(device=self.fabric.device).manual_seed(seed)

    def read_parts(self, step: int) -> Sequence[Part]:
        """This process's share of a step's batch, in the parts that it is run in."""
        parts = self.batch_at(step).chunk(self.settings.accumulate)
        return [Part(self.source.gather(clips), self.partners_of(clips, step, i)) for i, clips in enumerate(parts)]

    def batch_at(self, step: int) -> Tensor:
        """Positions of this process's share of a step's batch; every epoch has its own order."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self.order_epoch:
            rng = np.random.default_rng((self.settings.seed, epoch))
            self.order_epoch, self.order = epoch, self.index[rng.permutation(len(self.index))]
        batch = self.order[place * self.batch_size : (place + 1) * self.batch_size]
        return batch[self.fabric.global_rank :: self.fabric.world_size]

    def partners_of(self, clips: Tensor, step: int, part: int) -> RaggedClips | None:
        """What further views of one part of a step's batch show, where these are other clips."""
        if self.partners is None:
            return None
        rng = np.random.default_rng((self.settings.seed, self.fabric.global_rank, step, part))
        return self.source.gather(self.partners.draw(clips.numpy(), rng))

    def make_views(self, part: Part, generator: Generator) -> list[ClipBatch]:
        """Views of one part of the present step's batch."""
        return self.views_of_epoch()(part.clips, generator, part.partners)

    def views_of_epoch(self) -> TrainViews:
        """What makes the views of a batch; a schedule may change it from epoch to epoch."""
        epoch = self.step // self.steps_per_epoch
        if epoch != self.views_epoch:
            seed = self.settings.seed
            active = [at_epoch(augment, epoch, seed, view) for view, augment in enumerate(self.config.augment)]
            self.views_epoch, self.views = epoch, _train_views(self.config, active)
        return self.views


def _train_views(config: RunConfig, augment: Sequence[Augmentation]) -> TrainViews:
    return TrainViews(config.prepare, augment, share_crop=config.share_crop)


def _average(method: Method, decay: float | None) -> AveragedModel | None:
    return None if decay is None else AveragedModel(method, multi_avg_fn=get_ema_multi_avg_fn(decay))
