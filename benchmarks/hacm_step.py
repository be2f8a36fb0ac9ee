"""One training step of HA-CM at the size it has on NTU RGB+D 60, beside the authors' code.

Their published code lacks its masking routine, which a later commit deleted; commit f13611b of their repository has it,
and is what the checkout must be at. There, a file of the folder ``model_hacm`` is missing, of which ``model`` has a
copy.

Both start from the same weights; before anything is timed, loss and gradients are compared for the same draws, in
double precision, in the authors' order of tokens.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from torch import Generator, Tensor, nn

from benchmarks.clips import random_batch
from benchmarks.originals import importing, load
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.steps import START, Side, assert_same, authors_adamw, compare_steps
from kineme.clips import ClipBatch
from kineme.infer.official_hacm import from_official_hacm
from kineme.methods.hacm import HACM
from kineme.recipes.base import recipe_config
from kineme.train.build import build_method
from kineme.train.optim import build_optimizer

CONFIG = recipe_config("hacm-ntu60-xsub")
WINDOW, SEGMENT, JOINTS = CONFIG.prepare.window, 3, 18
CHECKED = 4
"""Clips that loss and gradients are compared on."""


def their_side(checkout: Path, batch: ClipBatch) -> Side:
    """The authors' network with the sizes of their configuration."""
    sizes = {"num_frames": WINDOW, "num_joints": JOINTS, "t_patch_size": SEGMENT}
    with importing(checkout):
        module = load(checkout / "model_hacm" / "transformer.py", "model.transformer_hacm")
        network: nn.Module = module.Transformer(depth=8, decoder_depth=3, **sizes)
    x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()
    return Side(network, lambda: network(x), authors_adamw(network))


def our_side(theirs: Side, batch: ClipBatch) -> Side:
    """The same in kineme, with the same weights."""
    network = build_method(CONFIG, batch.layout, channels=3)
    network.load_state_dict(from_official_hacm(theirs.network.state_dict()))
    generator = Generator().manual_seed(0)

    def loss() -> Tensor:
        return network.step([batch], network.sample([batch], generator), START).loss

    return Side(network, loss, build_optimizer(network, CONFIG.train))


def check(checkout: Path) -> None:
    """Stop unless both have the same loss and the same gradients for the same draws."""
    batch = random_batch(CHECKED, WINDOW)
    batch = batch.with_xyz(batch.xyz.double())
    theirs = their_side(checkout, batch)
    ours = our_side(theirs, batch)
    network = ours.network.double()
    theirs.network.double()
    assert isinstance(network, HACM)
    draws = network.sample([batch], Generator().manual_seed(1))

    def their_loss() -> Tensor:
        drawn = iter([draws["even"], draws["odd"]])
        with patch("torch.rand", lambda *size, **options: next(drawn)):
            return theirs.loss()

    our_loss = replace(ours, loss=lambda: network.step([batch], draws, START).loss)
    assert_same(replace(theirs, loss=their_loss), our_loss, from_official_hacm)


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A step on all bodies."""
    check(checkout)
    batch = random_batch(effort.clips, WINDOW)
    theirs = their_side(checkout, batch)
    return (compare_steps(theirs, our_side(theirs, batch), effort.rounds),)


SUBJECT = Subject((Goal("HA-CM step, float32, same masks, same loss", 1.5, 2),), measure, needs="hacm")
