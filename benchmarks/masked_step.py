"""One training step of MAMP at the size it has on NTU RGB+D (8 + 5 layers), beside the authors' code.

Both start from the same weights; before anything is timed, loss and gradients are compared for the same mask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from torch import Generator, Tensor, nn

from benchmarks.clips import random_batch
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.steps import START, Side, assert_same, authors_adamw, saved_bytes
from benchmarks.timing import in_turns
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import from_official
from kineme.methods.mamp import MAMP, MAMPConfig
from kineme.train.config import TrainConfig
from kineme.train.optim import build_optimizer

WINDOW = 120
CONFIG = MAMPConfig(decoder_depth=5)


def their_side(checkout: Path, batch: ClipBatch) -> Side:
    """The authors' network with the sizes of their scripts, and the batch in their order of axes."""
    with importing(checkout):
        from model_mamp.transformer import Transformer  # pyright: ignore[reportMissingImports]

        network: nn.Module = Transformer(depth=8, decoder_depth=CONFIG.decoder_depth, norm_skes_loss=True)
    x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()
    options = {"mask_ratio": CONFIG.mask_ratio, "motion_stride": CONFIG.motion_stride, "motion_aware_tau": CONFIG.tau}
    return Side(network, lambda: network(x, **options)[0], authors_adamw(network))


def our_side(batch: ClipBatch, weights: Mapping[str, Tensor] | None = None, **changes: object) -> Side:
    """The same in kineme, with the authors' weights where they are given."""
    encoder = SkeletonTransformer(SkeletonTransformerConfig(), batch.layout, WINDOW)
    network = MAMP(CONFIG.with_changes(**changes), encoder)
    if weights is not None:
        network.load_state_dict(from_official(weights))
    generator = Generator().manual_seed(0)

    def loss() -> Tensor:
        return network.step([batch], network.sample([batch], generator), START).loss

    return Side(network, loss, build_optimizer(network, TrainConfig(lr=1e-4)))


def check(theirs: Side, ours: Side, batch: ClipBatch) -> None:
    """Stop unless both have the same loss and the same gradients for the same mask."""
    network = ours.network
    assert isinstance(network, MAMP)
    draws = network.sample([batch], Generator().manual_seed(1))

    def their_loss() -> Tensor:
        with patch("torch.rand", lambda *size, **options: draws["mask"]):
            return theirs.loss()

    our_loss = replace(ours, loss=lambda: network.step([batch], draws, START).loss)
    assert_same(replace(theirs, loss=their_loss), our_loss, from_official)


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """A step on all bodies, on those that are there, and what a step keeps for the backward pass."""
    batch = random_batch(effort.clips, WINDOW)
    theirs = their_side(checkout, batch)
    weights = theirs.network.state_dict()
    ours, real = our_side(batch, weights), our_side(batch, weights, bodies="real")
    check(theirs, ours, batch)
    original, every, some = in_turns(theirs.step(), ours.step(), real.step(), rounds=effort.rounds)
    megabytes = (saved_bytes(side) / effort.clips / 1e6 for side in (theirs, ours))
    return (
        Result.of_seconds(original, every),
        Result.of_seconds(original, some),
        Result.exact(*megabytes, unit="MB"),
    )


SUBJECT = Subject(
    goals=(
        Goal("MAMP 8+5 step, float32, same masks, same loss", 2.0, 2.4),
        Goal("the same on real bodies only (method.bodies=real)", 3.4, 4.5),
        Goal("saved activations per clip, MAMP 8+5, float32", 160, 140, unit="MB"),
    ),
    measure=measure,
    needs="mamp",
)
