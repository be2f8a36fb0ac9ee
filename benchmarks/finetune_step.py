"""One fine-tuning step of MAMP's encoder on NTU RGB+D 60, stochastic depth included, beside the authors' code.

Both start from the same weights and draw the same dropout and stochastic depth from one seed; before anything is timed,
loss and gradients are compared.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.clips import CLASSES, random_batch
from benchmarks.masked_step import WINDOW
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.steps import START, Side, assert_same, compare_steps
from kineme.clips import ClipBatch
from kineme.infer.official import from_official
from kineme.methods.supervised import SupervisedConfig
from kineme.recipes.base import fine_tuning, recipe_config
from kineme.train.build import build_method
from kineme.train.optim import build_optimizer

CONFIG = fine_tuning(recipe_config("mamp-ntu60-xsub"), weights="")
SEED = 0


def their_side(checkout: Path, batch: ClipBatch) -> Side:
    """The authors' network, loss and optimiser with the settings of their configuration."""
    method, rate = CONFIG.method, CONFIG.encoder.model_dump()["drop_path"]
    assert isinstance(method, SupervisedConfig)
    with importing(checkout):
        from model.transformer import Transformer  # pyright: ignore[reportMissingImports]
        from util.lr_decay import param_groups_lrd  # pyright: ignore[reportMissingImports]

        network: nn.Module = Transformer(depth=8, num_classes=CLASSES, drop_path_rate=rate, protocol="finetune")
        groups = param_groups_lrd(network, CONFIG.train.weight_decay, layer_decay=CONFIG.train.layer_decay)
    x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()

    def loss() -> Tensor:
        torch.manual_seed(SEED)
        return F.cross_entropy(network(x), batch.label, label_smoothing=method.label_smoothing)

    return Side(network.train(), loss, torch.optim.AdamW(groups, lr=CONFIG.train.lr))


def our_side(theirs: Side, batch: ClipBatch) -> Side:
    """The same in kineme, with the same weights."""
    network = build_method(CONFIG, batch.layout, channels=3).train()
    network.load_state_dict(from_official(theirs.network.state_dict()))

    def loss() -> Tensor:
        torch.manual_seed(SEED)
        return network.step([batch], {}, START).loss

    return Side(network, loss, build_optimizer(network, CONFIG.train))


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A step on all bodies."""
    batch = random_batch(effort.clips, WINDOW)
    theirs = their_side(checkout, batch)
    ours = our_side(theirs, batch)
    assert_same(theirs, ours, from_official)
    return (compare_steps(theirs, ours, effort.rounds),)


SUBJECT = Subject((Goal("fine-tune step, float32, same drop-path draw", 2.2, 3),), measure, needs="mamp")
